import JSON
import NetworkModel
import Testing

@testable import CentralCore

/// Kept answers, by which a repeated request is answered as the first time, and their bounds.
@Suite struct KeptAnswerTests {
    private func create(_ name: String, key: String, on bench: CoreBench) -> Answer? {
        let ticket = bench.ticket()
        var request = WriteRequest(
            operations: [Operation(.logicalSwitch, .create(body: ["name": .string(name)], switch: nil))],
            author: "test",
            requestID: "r\(ticket)"
        )
        request.idempotency = Idempotency(key: key, fingerprint: name)
        bench.ask(ticket, .write(request))
        return bench.answers[ticket]
    }

    private func isReplayed(_ answer: Answer?) -> Bool {
        if case .replayed? = answer { true } else { false }
    }

    @Test func `a repetition while the first is on its way to the disk waits for it`() {
        let bench = CoreBench()
        bench.storesAtOnce = false
        #expect(create("a", key: "k", on: bench) == nil)
        #expect(create("a", key: "k", on: bench) == nil)
        bench.store()
        #expect(isReplayed(bench.answers[2]))
        #expect(bench.log.count == 1)
    }

    @Test func `what could not be written is not kept`() {
        let bench = CoreBench()
        bench.storesAtOnce = false
        _ = create("a", key: "k", on: bench)
        bench.failStore()
        bench.storesAtOnce = true
        #expect(!isReplayed(create("a", key: "k", on: bench)))
    }

    @Test func `the oldest answers go when there are too many, too large or too old`() {
        var configuration = Configuration()
        configuration.keptAnswerCountMaximum = 3
        let bench = CoreBench(configuration: configuration)
        for index in 0..<5 { _ = create("s\(index)", key: "k\(index)", on: bench) }
        #expect(bench.published.ledger.answers.count == 3)
        #expect(!isReplayed(create("t1", key: "k1", on: bench)))
        #expect(isReplayed(create("s4", key: "k4", on: bench)))

        configuration.keptAnswerByteCountMaximum = 1200
        let small = CoreBench(configuration: configuration)
        for index in 0..<3 { _ = create("s\(index)", key: "k\(index)", on: small) }
        #expect((1...2).contains(small.published.ledger.answers.count))
        #expect(small.published.ledger.answers.byteCount <= 1200)

        let old = CoreBench()
        _ = create("a", key: "k", on: old)
        old.wallClock += old.configuration.keptAnswerSeconds + 1
        _ = create("b", key: "l", on: old)
        #expect(old.published.ledger.answers.count == 1)
    }

    @Test func `the log alone brings them back`() throws {
        var configuration = Configuration()
        configuration.keptAnswerCountMaximum = 2
        let bench = CoreBench(configuration: configuration)
        for index in 0..<4 { _ = create("s\(index)", key: "k\(index)", on: bench) }
        let before = bench.published.ledger.answers
        try bench.restart()
        let after = bench.published.ledger.answers
        #expect(after.count == 2 && after.byteCount == before.byteCount && after.oldest?.name == "test k2")
        #expect(isReplayed(create("s3", key: "k3", on: bench)))
    }
}
