import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// A table of its own memory.
final class LearntMemory {
    private let memory: UnsafeMutableRawPointer
    let macs: LearntMACs

    init() throws {
        memory = .allocate(byteCount: LearntMACs.byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: LearntMACs.byteCount)
        macs = try #require(LearntMACs(memory, seed: 7))
    }

    deinit { memory.deallocate() }

    /// The table as another process finds it.
    var again: LearntMACs? { LearntMACs(memory, seed: 8) }

    func words() -> UnsafeMutableBufferPointer<UInt64> {
        UnsafeMutableBufferPointer(
            start: memory.assumingMemoryBound(to: UInt64.self),
            count: LearntMACs.byteCount / 8
        )
    }
}

@Suite struct LearntMACsTests {
    private func tunnel(_ host: Int, _ ingress: UInt16, _ egress: UInt16) -> Outcome {
        .tunnel(to: TestHost.encap(host), vni: 5, ingress: ingress, egress: egress)
    }

    /// Ports 1 to 4, of which 2 (here), 3 and 4 (on hv2 and hv3) have `unknown`; the last has port security, too.
    private func host() -> TestHost {
        var ports = [
            TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"), TestHost.vm(4, at: "hv3"),
            TestHost.vm(5, at: "hv1", security: [PortSecurityEntry(mac: TestHost.mac(60), prefixes: [])]),
        ]
        for index in 1...4 { ports[index].hasUnknown = true }
        return TestHost(ports)
    }

    @Test func `A frame to a MAC that was learnt goes to its port alone, and to the newest if it has moved`() throws {
        let host = host()
        let learnt = try LearntMemory()
        let cache = FlowCache(entryCount: 64)
        func send(_ bytes: [UInt8], from slot: UInt16, at second: Int) -> [Outcome] {
            let now = Duration.seconds(second)
            let kept = host.tables.keptOutcomes(of: bytes, from: slot, learnt: learnt.macs, now: now, cache)
            #expect(kept == host.tables.outcomes(of: bytes, from: slot, learnt: learnt.macs, now: now))
            return kept
        }
        // All that take unknown MACs, those with port security, too.
        let flood: [Outcome] = [
            .local(slot: 1), .copyDropped(.egressPortSecurity, slot: 4), tunnel(2, 1, 32769), tunnel(3, 1, 32769),
        ]
        for second in 1...3 { #expect(send(TestHost.udp(1, 50), from: 0, at: second) == flood) }
        #expect(send(TestHost.udp(50, 1), from: 1, at: 4) == [.local(slot: 0)])
        for second in 5...7 { #expect(send(TestHost.udp(1, 50), from: 0, at: second) == [.local(slot: 1)]) }
        // Behind the port where it is, it is not reached through the network.
        #expect(send(TestHost.udp(51, 50), from: 1, at: 8) == [.drop(.hairpin)])
        let datagram = FrameBuilder.geneve(vni: 5, ingress: 3, egress: 1, frame: TestHost.udp(50, 1))
        let arrived = host.tables.keptOutcomes(
            ofDatagram: datagram,
            from: TestHost.encap(2),
            learnt: learnt.macs,
            now: .seconds(9),
            cache
        )
        #expect(arrived == [.local(slot: 0)])
        #expect(send(TestHost.udp(1, 50), from: 0, at: 10) == [tunnel(2, 1, 3)])
        // A port with port security teaches nothing, and MACs that ports have are not looked up.
        #expect(send(TestHost.udp(60, 1), from: 4, at: 11) == [.local(slot: 0)])
        #expect(send(TestHost.udp(1, 60), from: 0, at: 12).count == 4)
        #expect(send(TestHost.udp(1, 1), from: 1, at: 13) == [.local(slot: 0)])
        #expect(send(TestHost.udp(1, 3), from: 0, at: 14) == [tunnel(2, 1, 3)])
    }

    @Test func `A MAC is forgotten when it has not sent for its lifetime, and while it sends it stays`() throws {
        let host = host()
        let learnt = try LearntMemory()
        let cache = FlowCache(entryCount: 64)
        func outputs(_ source: Int, _ destination: Int, from slot: UInt16, at second: Int) -> Int {
            let bytes = TestHost.udp(source, destination)
            return host.tables.keptOutcomes(of: bytes, from: slot, learnt: learnt.macs, now: .seconds(second), cache)
                .count
        }
        // Its decision is kept, and notes its use all the same.
        for second in stride(from: 1, to: 2000, by: 5) { #expect(outputs(50, 1, from: 1, at: second) == 1) }
        #expect(outputs(1, 50, from: 0, at: 2000) == 1)
        #expect(outputs(1, 50, from: 0, at: 2280) == 1)
        // The question counts as use, the sender's silence not: a lifetime after both it is gone.
        #expect(outputs(1, 50, from: 0, at: 2281 + Int(LearntMACs.lifetime)) == 4)
    }

    @Test func `A port that is deleted, loses unknown or moves takes its MACs along at once`() throws {
        var host = host()
        let learnt = try LearntMemory()
        let cache = FlowCache(entryCount: 64)
        func send() -> [Outcome] {
            host.tables.keptOutcomes(of: TestHost.udp(1, 50), from: 0, learnt: learnt.macs, now: .seconds(5), cache)
        }
        _ = host.tables.outcomes(of: TestHost.udp(50, 1), from: 1, learnt: learnt.macs, now: .seconds(1))
        #expect(send() == [.local(slot: 1)])
        host.update(at: .seconds(2)) { input in
            input.ports[1].locations = [PortBinding.Location(chassis: "hv3", bindSeq: 2)]
        }
        #expect(send() == [tunnel(3, 1, 2)])
        host.update(at: .seconds(3)) { $0.ports[1].hasUnknown = false }
        #expect(send().count == 3)
        host.update(at: .seconds(4)) { input in
            input.ports[1] = TestHost.vm(2, at: "hv1")
            input.ports[1].id = ObjectID(high: 2, low: 99)
            input.ports[1].hasUnknown = true
        }
        // Another port with the same key.
        #expect(send().count == 4)
    }

    @Test func `A flood of new MACs is bounded by port and by switch, and displaces nobody`() throws {
        let host = host()
        let learnt = try LearntMemory()
        func send(_ mac: UInt64, from slot: UInt16, at second: Int) {
            var bytes = TestHost.udp(50, 1)
            bytes.replaceSubrange(6..<12, with: MACAddress(truncating: mac).octets)
            _ = host.tables.outcomes(of: bytes, from: slot, learnt: learnt.macs, now: .seconds(second))
        }
        func count(at second: Int) -> Int {
            var count = 0
            learnt.macs.forEach(now: .seconds(second)) { _, _ in count += 1 }
            return count
        }
        send(0x02_0000_0000_01, from: 1, at: 1)
        // At once no more than a port may have, however many come.
        for number in 0..<10_000 as Range<UInt64> { send(0x06_0000_0000_00 + number, from: 1, at: 1) }
        // A few find all their rows taken.
        let first = count(at: 1)
        #expect((1900...LearntMACs.portCountMaximum).contains(first))
        learnt.macs.recount(now: .seconds(200))
        for number in 10_000..<20_000 as Range<UInt64> { send(0x06_0000_0000_00 + number, from: 1, at: 200) }
        #expect((first...LearntMACs.portCountMaximum).contains(count(at: 200)))
        var isThere = false
        learnt.macs.forEach(now: .seconds(200)) { entry, _ in isThere = isThere || entry.mac == 0x02_0000_0000_01 }
        #expect(isThere)
        // When they have aged, others have room.
        learnt.macs.recount(now: .seconds(400))
        for number in 0..<100 as Range<UInt64> { send(0x0a_0000_0000_00 + number, from: 1, at: 500) }
        #expect(count(at: 500) >= 100)
        #expect(learnt.macs.remove { $0.mac >> 40 == 0x0a } == 100)
    }

    @Test func `Another process goes on with what is there, whatever the words are`() throws {
        let learnt = try LearntMemory()
        let host = host()
        let first = TestHost.udp(50, 1)
        _ = host.tables.outcomes(of: first, from: 1, learnt: learnt.macs, now: .seconds(1))
        let again = try #require(learnt.again)
        again.adopt()
        #expect(host.tables.outcomes(of: TestHost.udp(1, 50), from: 0, learnt: again, now: .seconds(2)).count == 1)
        var generator = SeededGenerator(seed: 5)
        let words = learnt.words()
        for index in words.indices where index > 0 { words[index] = generator.next() }
        let wild = try #require(learnt.again)
        wild.adopt()
        wild.recount(now: .seconds(3))
        for number in 40..<60 {
            _ = host.tables.outcomes(of: TestHost.udp(number, 1), from: 1, learnt: wild, now: .seconds(3))
            _ = host.tables.outcomes(of: TestHost.udp(1, number), from: 0, learnt: wild, now: .seconds(3))
        }
        _ = wild.remove { _ in true }
        words[0] ^= 2
        #expect(learnt.again == nil)
    }

    @Test("random frames, one after the other, teach both pipelines the same", arguments: 0..<4)
    func pipelinesLearnAlike(part: Int) throws {
        var learntCount = 0
        for seed in 0..<100 {
            let number = UInt64(7_000_000 + part * 1000 + seed)
            var network = RandomNetwork(seed: number)
            let history = network.history()
            guard let tables = TableInput.compile(history), let input = history.last else { continue }
            let memory = try LearntMemory()
            let known = OracleLearntMACs()
            let oracle = OraclePipeline(history: history, learnt: known)
            for _ in 0..<150 {
                let arrival = Arrival.random(in: input, &network)
                let texts = [oracle.outcomes(of: arrival), tables.outcomes(of: arrival, input, learnt: memory.macs)]
                    .map { $0.map(\.description).sorted() }
                guard texts[0] != texts[1] else { continue }
                Issue.record("seed \(number): expected \(texts[0])\ngot      \(texts[1])\n\(arrival)\n\(input.ports)")
                return
            }
            learntCount += known.ports.count
        }
        #expect(learntCount > 30)
    }

    @Test("random changes of random networks: a cache decides as the pipeline by what was learnt", arguments: 0..<4)
    func cachesHold(part: Int) throws {
        for seed in 0..<60 {
            let number = UInt64(8_000_000 + part * 1000 + seed)
            var network = RandomNetwork(seed: number)
            let memories = try [LearntMemory(), LearntMemory()]
            let cache = FlowCache(entryCount: 1 << 10)
            var input = network.history()[0]
            let tables = input.compile()
            let arrivals = (0..<60).map { _ in Arrival.random(in: input, &network) }
            for _ in 0..<6 {
                for arrival in arrivals.shuffled(using: &network.generator) {
                    let expected = tables.outcomes(of: arrival, input, learnt: memories[0].macs)
                    let kept = tables.keptOutcomes(of: arrival, input, learnt: memories[1].macs, cache)
                    // A frame without outputs counts as a hairpin, which the forwarder says of it otherwise.
                    guard kept != expected, kept != [.drop(.hairpin)] || !expected.isEmpty else { continue }
                    Issue.record("seed \(number): expected \(expected)\nkept     \(kept)\n\(arrival)\n\(input.ports)")
                    return
                }
                var next = input
                next.now += .milliseconds(Int.random(in: 1...30_000, using: &network.generator))
                if network.chance(60) { network.editAnything(&next) }
                next.update(tables, from: input)
                input = next
            }
        }
    }
}
