import AgentCore
import TestSupport
import Testing

/// A path with an MTU that changes, loss and delay; the other end answers, or not.
private struct SimulatedPath {
    /// The MTU from each time on, in order.
    var mtus: [(from: Duration, mtu: Int)]
    /// The share of datagrams that are lost each way.
    var loss = 0.0
    /// The time that a question and its answer take together.
    var delay = Duration.milliseconds(1)
    /// True if the other end answers from this time on, until that.
    var answers: Range<Duration> = .zero ..< .seconds(1 << 30)
    var generator: SeededGenerator

    func mtu(_ now: Duration) -> Int { mtus.last { $0.from <= now }?.mtu ?? 0 }

    mutating func carries(_ byteCount: Int, _ now: Duration) -> Bool {
        byteCount <= mtu(now) && answers.contains(now)
            && (0..<2).allSatisfy { _ in
                Double.random(in: 0..<1, using: &generator) >= loss
            }
    }

    /// Runs a search over it; what counted at each of its steps.
    mutating func run(_ search: inout PathSearch, from start: Duration = .zero, until end: Duration) -> [(
        Duration, Int
    )] {
        var answers: [(at: Duration, nonce: UInt64)] = []
        var history: [(Duration, Int)] = []
        var nonce: UInt64 = 0
        var now = start
        var probeCount = 0
        while now < end {
            for probe in search.due(
                now: now,
                nonce: {
                    nonce += 1; return nonce
                }
            ) {
                probeCount += 1
                if carries(probe.byteCount, now) { answers.append((now + delay, probe.nonce)) }
            }
            history.append((now, search.mtu))
            answers.sort { $0.at < $1.at }
            if let first = answers.first, first.at <= search.nextAt {
                answers.removeFirst()
                now = max(now, first.at)
                search.answered(first.nonce, now: now)
            } else {
                precondition(search.nextAt >= now)
                now = search.nextAt
            }
            history.append((now, search.mtu))
        }
        // Two rounds of probes a second are more than any of it needs.
        #expect(probeCount < Int((end - start) / .seconds(1)) * 20 + 300)
        return history
    }
}

@Suite struct PathSearchTests {
    @Test(arguments: [1280, 1281, 1300, 1400, 1437, 1499, 1500, 1501, 4000, 8999, 9000, 65_535])
    func `Whatever a path carries is found to the byte`(mtu: Int) {
        for bound in [1500, 9000, 65_535] {
            var path = SimulatedPath(mtus: [(.zero, mtu)], generator: SeededGenerator(seed: 1))
            var search = PathSearch(bound: bound, now: .zero)
            _ = path.run(&search, until: .seconds(6))
            #expect(search.mtu == min(mtu, bound), "\(mtu) under \(bound)")
            #expect(search.isAnswered)
        }
    }

    @Test func `A path of full size is known after one answer`() {
        var path = SimulatedPath(mtus: [(.zero, 1500)], generator: SeededGenerator(seed: 1))
        var search = PathSearch(bound: 1500, now: .zero)
        #expect(!search.isDecided)
        _ = path.run(&search, until: .milliseconds(2))
        #expect(search.isDecided && search.mtu == 1500)
    }

    @Test func `Random paths, losses and delays: never more than comes through for long, and all of it in the end`() {
        var generator = SeededGenerator(seed: 2)
        for seed in 0..<300 as Range<UInt64> {
            let bound = [1500, 9000, Int.random(in: 1280...65_535, using: &generator)].randomElement(using: &generator)!
            let mtus = (0..<3).map { _ in Int.random(in: 1280...bound, using: &generator) }
            var path = SimulatedPath(
                mtus: mtus.enumerated().map { (.seconds(100 * $0), $1) },
                loss: [0, 0.02, 0.1].randomElement(using: &generator)!,
                delay: .milliseconds([1, 30, 200].randomElement(using: &generator)!),
                generator: SeededGenerator(seed: seed)
            )
            var search = PathSearch(bound: bound, now: .zero)
            let history = path.run(&search, until: .seconds(300))
            let story = "seed \(seed): bound \(bound), \(path)"
            for (index, mtu) in mtus.enumerated() {
                let settled = history.last { $0.0 < .seconds(100 * index + 99) }?.1
                #expect(settled == mtu, "\(story), part \(index)")
                // Too much counts no longer than until the next look at it, and the search that follows.
                let late = history.filter { $0.0 >= .seconds(100 * index + 20) && $0.0 < .seconds(100 * (index + 1)) }
                #expect(late.allSatisfy { $0.1 <= mtu }, "\(story), part \(index)")
            }
        }
    }

    @Test func `A path that carries less is noticed within seconds, and gets small packets meanwhile`() {
        var path = SimulatedPath(mtus: [(.zero, 1500), (.seconds(50), 1400)], generator: SeededGenerator(seed: 1))
        var search = PathSearch(bound: 1500, now: .zero)
        let history = path.run(&search, until: .seconds(60))
        let noticed = history.first { $0.0 >= .seconds(50) && $0.1 <= 1400 }?.0
        #expect(noticed.map { $0 < .seconds(57) } ?? false)
        #expect(search.mtu == 1400)
    }

    @Test func `A path that carries more again is used again`() {
        var path = SimulatedPath(mtus: [(.zero, 1300), (.seconds(10), 1450)], generator: SeededGenerator(seed: 1))
        var search = PathSearch(bound: 1500, now: .zero)
        _ = path.run(&search, until: .seconds(45))
        #expect(search.mtu == 1450)
    }

    @Test func `An end that answers nothing is given what the routes allow, and asked again`() {
        var path = SimulatedPath(
            mtus: [(.zero, 1400)],
            answers: .seconds(100) ..< .seconds(1 << 30),
            generator: SeededGenerator(seed: 1)
        )
        var search = PathSearch(bound: 1500, now: .zero)
        _ = path.run(&search, until: .seconds(90))
        #expect(search.mtu == 1500 && !search.isAnswered && search.isDecided)
        _ = path.run(&search, from: .seconds(100), until: .seconds(140))
        #expect(search.mtu == 1400 && search.isAnswered)
    }

    @Test func `An end that falls silent leaves what was found, for ten minutes`() {
        var path = SimulatedPath(
            mtus: [(.zero, 1400)],
            answers: .zero ..< .seconds(100),
            generator: SeededGenerator(seed: 1)
        )
        var search = PathSearch(bound: 1500, now: .zero)
        _ = path.run(&search, until: .seconds(690))
        #expect(search.mtu == 1400)
        _ = path.run(&search, from: .seconds(690), until: .seconds(720))
        #expect(search.mtu == 1500 && !search.isAnswered)
    }

    @Test func `Routes bound what counts at once, and what they allow again is tried at once`() {
        var path = SimulatedPath(mtus: [(.zero, 1450)], generator: SeededGenerator(seed: 1))
        var search = PathSearch(bound: 1500, now: .zero)
        _ = path.run(&search, until: .seconds(5))
        #expect(search.mtu == 1450)
        search.setBound(1400, now: .seconds(5))
        #expect(search.mtu == 1400)
        _ = path.run(&search, from: .seconds(5), until: .seconds(8))
        #expect(search.mtu == 1400)
        search.setBound(9000, now: .seconds(8))
        _ = path.run(&search, from: .seconds(8), until: .seconds(12))
        #expect(search.mtu == 1450)
    }

    @Test func `Only who has seen a question can answer it`() {
        var search = PathSearch(bound: 1500, now: .zero)
        let probes = search.due(now: .zero) { 7 }
        #expect(probes.map(\.byteCount) == [1500, 1280])
        search.answered(8, now: .zero)
        #expect(search.mtu == 1500 && !search.isAnswered)
        var nonce: UInt64 = 10
        _ = search.due(now: search.nextAt) {
            nonce += 1; return nonce
        }
        search.answered(12, now: .milliseconds(200))
        #expect(search.isAnswered)
        search.answered(12, now: .milliseconds(200))
        #expect(search.mtu == 1280)
    }
}
