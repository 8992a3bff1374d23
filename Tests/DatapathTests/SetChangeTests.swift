import Southbound
import Testing
import Wire

@testable import Datapath

/// Members that come to sets and groups of ACLs and go: what they are about is decided anew, and nothing else.
@Suite struct SetChangeTests {
    typealias T = ConnectionTests

    private static func prefix(_ number: Int) -> IPPrefix { IPPrefix(host: .v4(TestHost.ipv4(number))) }

    private static func story(_ acls: [PacketFilter.Rule], _ groups: [String: [UInt16]] = [:]) throws -> ConnectionStory
    {
        var story = try ConnectionStory([])
        story.change {
            $0 = PacketFilter(acls: acls, portGroups: groups, addressSets: ["a": [prefix(1), prefix(7)].sorted()])
        }
        return story
    }

    @Test func `A change of a set is about its members alone`() throws {
        var story = try Self.story([T.rule("ip4.src == $a", .allow), T.rule("ip", .drop)])
        let (one, other) = (T.udp(1, 900, 2, 53), T.udp(3, 900, 2, 53))
        #expect(story.send(one) == .local(slot: 1) && story.send(other, from: 3) == .copyDropped(.acl, slot: 1))
        #expect(story.isKept(one) && story.isKept(other, from: 3))
        story.change { $0.addressSets["a"] = [1, 7, 9].map(Self.prefix) }
        #expect(story.isKept(one) && story.isKept(other, from: 3))
        story.change { $0.addressSets["a"] = [1, 3, 7, 9].map(Self.prefix) }
        #expect(story.isKept(one) && !story.isKept(other, from: 3))
        #expect(story.send(other, from: 3) == .local(slot: 1))
        story.change { $0.addressSets["a"] = [IPPrefix(address: .v4(TestHost.ipv4(0)), length: 30)].compactMap { $0 } }
        #expect(!story.isKept(one) && !story.isKept(other, from: 3))
        #expect(story.send(one) == .local(slot: 1) && story.send(other, from: 3) == .local(slot: 1))
        story.change { $0.addressSets["a"] = [] }
        #expect(
            story.send(one) == .copyDropped(.acl, slot: 1) && story.send(other, from: 3) == .copyDropped(.acl, slot: 1)
        )
    }

    @Test func `A change of a group is about its ports alone`() throws {
        var story = try Self.story([T.rule("outport == @g && udp", .drop)], ["g": []])
        let (one, other) = (T.udp(1, 900, 2, 53), T.udp(1, 900, 3, 53))
        #expect(story.send(one) == .local(slot: 1) && story.send(other) == .local(slot: 2))
        story.change { $0.portGroups["g"] = [3] }
        #expect(story.isKept(one) && !story.isKept(other))
        #expect(story.send(other) == .copyDropped(.acl, slot: 2) && story.send(one) == .local(slot: 1))
        story.change { $0.portGroups["g"] = [2] }
        #expect(story.send(other) == .local(slot: 2) && story.send(one) == .copyDropped(.acl, slot: 1))
    }

    @Test func `Rules are chosen for a port that comes to a group, and for one that leaves it`() throws {
        let many = (0..<40).map { T.rule("outport == @g && udp.dst == \($0)", .drop) }
        var story = try Self.story(many + [T.rule("outport == @h && udp.dst == 50", .drop)], ["g": [3], "h": [3]])
        for (groups, drops) in [
            (["g": [2, 3], "h": [3]], [5]), (["g": [2], "h": [2, 3]], [5, 50]), (["g": [], "h": [2]], [50]),
            (["g": [1, 2, 3], "h": []], [5]), (["g": [], "h": []], []),
        ] as [([String: [UInt16]], [UInt16])] {
            story.change { $0.portGroups = groups }
            for port in [5, 50, 60] as [UInt16] {
                let isDropped = story.send(T.udp(1, 900, 2, port)) != .local(slot: 1)
                #expect(isDropped == drops.contains(port), "\(groups), \(port)")
            }
        }
    }

    @Test func `A connection goes on through changes that are not about it, and ends with the one that is`() throws {
        var story = try Self.story(
            [
                T.rule("ip4.src == $a && tcp.dst == 22", .allowRelated), T.rule("outport == @g && ip", .drop),
            ],
            ["g": [1, 2]]
        )
        T.open(&story)
        let (data, answer) = (T.tcp(T.ack, 101, 501, count: 1), T.tcp(T.ack, 501, 101, isBack: true))
        #expect(story.send(data) == .local(slot: 1) && story.send(answer, from: 2) == .local(slot: 0))
        // Related to it, though its own sender is nobody whom ACLs allow.
        let error = T.icmpError(about: data, from: 2)
        for number in 0..<100 {
            story.change { $0.addressSets["a"] = ([1, 7] + (number % 2 == 0 ? [20 + number] : [])).map(Self.prefix) }
            let isKept = story.isKept(data)
            #expect(isKept, "\(number)")
            #expect(story.send(answer, from: 2) == .local(slot: 0))
            #expect(story.send(error, from: 2) == .local(slot: 0), "\(number)")
            story.change { $0.portGroups["g"] = number % 2 == 0 ? [1, 2, 3] : [1, 2] }
        }
        #expect(story.send(data) == .local(slot: 1))
        story.change { $0.addressSets["a"] = [Self.prefix(7)] }
        #expect(story.send(error, from: 2) == .drop(.acl))
        #expect(story.send(answer, from: 2) == .drop(.acl) && story.send(data) == .copyDropped(.acl, slot: 1))
        story.change { $0.addressSets["a"] = [Self.prefix(1)] }
        #expect(story.send(data) == .local(slot: 1) && story.send(answer, from: 2) == .local(slot: 0))
        story.change { $0.portGroups["g"] = [1] }
        #expect(story.send(data) == .local(slot: 1))
    }

    @Test func `A member more in a large set that many ACLs name costs a part of it`() {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1")])
        let acls = (0..<1000).map { T.rule("outport == @g && ip4.src == $a && tcp.dst == \($0)", .drop) }
        let members = (0..<10_000).map { IPPrefix(host: .v4(IPv4Address(UInt32($0 * 2)))) }
        host.update(at: .zero) {
            $0.datapaths[0].filter = PacketFilter(acls: acls, portGroups: ["g": [2]], addressSets: ["a": members])
        }
        guard var datapath = host.input.datapaths.first else { return }
        let tables = host.tables
        for number in [1, 9_999, 19_997] as [UInt32] {
            let before = (tables.byteCount, tables.fileNumber)
            datapath.filter?.addressSets["a"]?.append(IPPrefix(host: .v4(IPv4Address(number))))
            datapath.filter?.addressSets["a"]?.sort()
            tables.apply([.put(.datapathBinding(datapath))], now: .zero)
            #expect(tables.byteCount - before.0 < 24 << 10 && tables.fileNumber == before.1)
        }
        let before = tables.byteCount
        datapath.filter?.portGroups["g"] = [1, 2]
        tables.apply([.put(.datapathBinding(datapath))], now: .zero)
        #expect(tables.byteCount - before < 8 << 10)
    }
}

extension ConnectionStory {
    /// Changes the ACLs, or what they name.
    fileprivate mutating func change(_ change: (inout PacketFilter) -> Void) {
        now += .milliseconds(1)
        host.update(at: now) { input in
            var filter = input.datapaths[0].filter ?? PacketFilter(acls: [])
            change(&filter)
            input.datapaths[0].filter = filter
        }
    }

    /// True if a decision on a frame is kept, and holds.
    fileprivate func isKept(_ bytes: [UInt8], from number: Int = 1) -> Bool {
        bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 8) { reply in
                guard let start = bytes.baseAddress else { return false }
                let room = VerdictRoom()
                defer { room.deallocate() }
                let action = host.tables.view.decide(
                    on: Frame(start, byteCount: bytes.count),
                    from: UInt16(number - 1),
                    cache,
                    reply: reply,
                    nil,
                    memory.connections,
                    now: now,
                    into: room,
                    by: Anew.self
                )
                return !(action.kind == .drop && action.reason == .hairpin)
            }
        }
    }
}

/// Tells what is decided anew, and has none of it kept.
private enum Anew: StageList, Stage {
    static var name: StaticString { "test_anew" }

    static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool { walk.passes(Anew.self) }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        context.contents.byteCount > 0 ? .drop(.hairpin) : .next
    }
}

extension ConnectionTests {
    /// The message of a host that a packet from another one has found no port there.
    fileprivate static func icmpError(about frame: [UInt8], from number: Int) -> [UInt8] {
        Self.frame(number, 1, IPProtocol.icmpv4, [3, 3, 0, 0, 0, 0, 0, 0] + frame[14...].prefix(40))
    }
}
