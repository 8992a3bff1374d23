import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// The decisions that ACLs write down.
@Suite struct FilterRecordTests {
    /// A record of its own memory, and a host that writes to it.
    private final class Story {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1")])
        let memory: UnsafeMutableRawPointer
        let record: FilterRecord
        let activations = Activations()
        let cache = FlowCache(entryCount: 64)
        var now = Duration.seconds(10)

        init(_ acls: [PacketFilter.Rule] = []) throws {
            memory = .allocate(byteCount: FilterRecord.byteCount, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: FilterRecord.byteCount)
            record = try #require(FilterRecord(memory))
            activations.filterRecord = record
            host.update(at: .zero) { $0.datapaths[0].filter = PacketFilter(acls: acls) }
        }

        deinit {
            activations.deallocate()
            memory.deallocate()
        }

        func send(_ bytes: [UInt8] = TestHost.udp(1, 2), now: Duration? = nil) {
            var view = host.tables.view
            view.activations = activations
            _ = view.keptOutcomes(of: bytes, from: 0, now: now ?? self.now, cache)
        }

        func count(_ rule: PacketFilter.Rule) -> UInt64 { record.count(of: rule.identity, vni: 5) }

        func lines() -> [FilterLogLine] {
            var lines: [FilterLogLine] = []
            _ = record.take { lines.append($0) }
            return lines
        }
    }

    private static func rule(
        _ name: String,
        _ match: String,
        _ action: PacketFilter.Action,
        _ direction: PacketFilter.Direction = .toPort,
        log: PacketFilter.Severity? = nil
    ) -> PacketFilter.Rule {
        PacketFilter.Rule(name: name, direction: direction, tier: 0, match: match, action: action, log: log)
    }

    @Test func `An ACL is counted once for a flow, and each time where no decision is kept`() throws {
        let acls = [Self.rule("dns", "udp.dst == 53", .allow), Self.rule("all", "ip4", .drop)]
        let story = try Story(acls)
        for _ in 0..<3 { story.send() }
        #expect(story.count(acls[0]) == 0 && story.count(acls[1]) == 1)
        story.send(now: .zero)
        #expect(story.count(acls[1]) == 1)
        story.host.update(at: .zero) { $0.datapaths[0].filter?.acls[1].log = .info }
        for _ in 0..<3 { story.send() }
        #expect(story.count(acls[1]) == 4 && story.lines().count == 3)
    }

    @Test func `A line tells who has decided on what`() throws {
        let acl = Self.rule("a", "1", .reject, log: .alert)
        let story = try Story([acl, Self.rule("b", "1", .pass, .fromPort, log: .debug)])
        story.send()
        let lines = story.lines()
        let decisions = [Self.rule("b", "", .pass), acl].map(\.identity)
        #expect(lines.map(\.decision.identity) == decisions && lines.map(\.decision.egressKey) == [0, 2])
        #expect(lines.allSatisfy { $0.decision.vni == 5 && $0.decision.ingressKey == 1 })
        let macs = "dl_src=02:ac:10:ff:00:01,dl_dst=02:ac:10:ff:00:02"
        let expected = "udp,\(macs),nw_src=172.16.255.1,nw_dst=172.16.255.2,tp_src=1000,tp_dst=2000"
        #expect(lines.map(\.fields) == [expected, expected])
        #expect(story.lines().isEmpty)
        func fields(_ frame: [UInt8]) -> String {
            let decision = FilterDecision(identity: 0, vni: 0, ingressKey: 0, egressKey: 0)
            return FilterLogLine(decision: decision, head: Array(frame.prefix(96)), frameByteCount: frame.count).fields
        }
        #expect(fields(TestHost.udp6(1, 2, count: 900)).hasSuffix("ipv6_dst=fd00::2,tp_src=1000,tp_dst=2000"))
        #expect(fields(TestHost.arpRequest(1, 2)).hasSuffix("arp_spa=172.16.255.1,arp_tpa=172.16.255.2,arp_op=1"))
        for count in 0...60 { #expect(!fields(Array(TestHost.udp(1, 2, count: 30).prefix(count))).isEmpty) }
    }

    @Test func `The ACL that drops a frame is told, also where a flow has kept only that it is dropped`() throws {
        for direction in PacketFilter.Direction.allCases {
            let acls = [Self.rule("web", "tcp", .drop, direction), Self.rule("dns", "udp", .reject, direction)]
            let story = try Story(acls)
            let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: Verdict.replyByteCountMaximum, alignment: 8)
            defer { reply.deallocate() }
            func decider(_ bytes: [UInt8]) -> UInt64 {
                bytes.withUnsafeBytes { memory in
                    guard let base = memory.baseAddress else { return 0 }
                    let frame = Frame(base, byteCount: memory.count)
                    return story.host.tables.view.decidingACL(on: frame, from: 0, reply: reply)
                }
            }
            #expect(decider(TestHost.udp(1, 2)) == acls[1].identity && decider(TestHost.arpRequest(1, 2)) == 0)
            #expect(story.count(acls[1]) == 0)
        }
    }

    @Test func `A sender is logged up to a limit, and what is left out is counted`() throws {
        let story = try Story([Self.rule("a", "1", .drop, log: .info)])
        let limit = RateLimit.loggedDecisions
        for _ in 0..<limit.burst + 5 { story.send() }
        #expect(story.lines().count == limit.burst && story.record.take { _ in } == 5)
        story.now += .seconds(1)
        for _ in 0..<limit.perSecond + 5 { story.send() }
        #expect(story.lines().count == limit.perSecond && story.record.take { _ in } == 10)
    }

    @Test func `Nobody who does not take lines keeps the packets waiting`() throws {
        let story = try Story()
        let frame = TestHost.udp(1, 2)
        frame.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            // Each from a port of its own, a burst of the host's apart.
            for number in 0..<2 * FilterRecord.lineCountMaximum {
                let port = UInt16(number)
                let decision = FilterDecision(identity: 1, vni: 5, ingressKey: port, egressKey: 0)
                story.record.log(decision, on: Frame(base, byteCount: bytes.count), now: .seconds(number))
            }
        }
        #expect(story.lines().count == FilterRecord.lineCountMaximum)
        #expect(story.record.take { _ in } == UInt64(FilterRecord.lineCountMaximum))
    }

    @Test func `Counters of ACLs that are gone make room`() throws {
        let story = try Story()
        let identities = (0..<UInt64(FilterRecord.counterCountMaximum)).map { $0 &* 0x9e37_79b9_7f4a_7c15 }
        for identity in identities { story.record.count(identity, vni: 1) }
        let some = Set(identities.prefix(10).map { FilterRecord.key(of: $0, vni: 1) })
        story.record.keepCounters(of: some)
        #expect(identities[10...].allSatisfy { story.record.count(of: $0, vni: 1) == 0 })
        story.record.count(7, vni: 1)
        #expect(story.record.count(of: 7, vni: 1) == 1 && story.record.count(of: 7, vni: 2) == 0)
    }

    @Test func `Whatever the memory holds, reading it ends`() throws {
        let story = try Story()
        let words = story.memory.assumingMemoryBound(to: UInt64.self)
        var generator = SeededGenerator(seed: 1)
        for index in 1..<FilterRecord.byteCount / 8 { words[index] = generator.next() }
        for line in story.lines() { _ = line.fields }
        #expect(story.lines().count <= FilterRecord.lineCountMaximum)
        words[0] = 1
        #expect(FilterRecord(story.memory) == nil)
    }
}
