import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// ACLs of the action `allow-related`, by frames between `vm1` and `vm2` of one host.
@Suite struct ConnectionTests {
    typealias Story = ConnectionStory

    static func rule(
        _ match: String,
        _ action: PacketFilter.Action,
        _ direction: PacketFilter.Direction = .toPort
    ) -> PacketFilter.Rule {
        PacketFilter.Rule(name: match, direction: direction, tier: 0, match: match, action: action)
    }

    /// SSH to `vm2`, and nothing else to it.
    static let sshOnly = [
        rule("outport == \"vm2\" && tcp.dst == 22", .allowRelated), rule("outport == \"vm2\" && ip", .drop),
    ]

    static func frame(_ source: Int, _ destination: Int, _ transport: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let packet = FrameBuilder.ipv4(
            TestHost.ipv4(source),
            TestHost.ipv4(destination),
            protocolNumber: transport,
            payload: payload
        )
        return FrameBuilder.ethernet(
            TestHost.mac(source),
            TestHost.mac(destination),
            EtherType.ipv4,
            payload: packet
        )
    }

    static func udp(_ source: Int, _ from: UInt16, _ destination: Int, _ to: UInt16) -> [UInt8] {
        frame(source, destination, IPProtocol.udp, FrameBuilder.udp(from, to))
    }

    static func echo(_ source: Int, _ destination: Int, isReply: Bool, id: UInt16 = 7) -> [UInt8] {
        frame(
            source,
            destination,
            IPProtocol.icmpv4,
            [isReply ? 0 : 8, 0, 0, 0, UInt8(id >> 8), UInt8(id & 255), 0, 1]
        )
    }

    /// A packet of SCTP from port 1000 of `vm1` to 22 of `vm2`, or back, with this chunk.
    static func sctp(chunk: UInt8, from port: UInt16 = 1000, isBack: Bool = false) -> [UInt8] {
        let mine = [UInt8(port >> 8), UInt8(port & 255)]
        let ports = isBack ? [0, 22] + mine : mine + [0, 22]
        let payload = ports + [0, 0, 0, 0, 0, 0, 0, 0, chunk, 0, 0, 4]
        return isBack ? frame(2, 1, IPProtocol.sctp, payload) : frame(1, 2, IPProtocol.sctp, payload)
    }

    /// A segment from port 1000 of `vm1` to 22 of `vm2`, or back.
    static func tcp(
        _ flags: UInt8,
        _ sequence: UInt32,
        _ acknowledgment: UInt32 = 0,
        isBack: Bool = false,
        count: Int = 0,
        window: UInt16 = 1000
    ) -> [UInt8] {
        let header = TCPHeader(
            sourcePort: isBack ? 22 : 1000,
            destinationPort: isBack ? 1000 : 22,
            sequenceNumber: sequence,
            acknowledgmentNumber: acknowledgment,
            flags: flags,
            window: window
        )
        let octets = FrameBuilder.written(TCPHeader.minimumByteCount) { header.write(to: &$0) }
        let (from, to) = isBack ? (2, 1) : (1, 2)
        return frame(from, to, IPProtocol.tcp, octets + [UInt8](repeating: 1, count: count))
    }

    static let (syn, ack, fin, rst) = (
        TCPFlags.synchronize, TCPFlags.acknowledgment, TCPFlags.finish, TCPFlags.reset
    )

    /// Opens a connection: `vm1` goes on with 101, `vm2` with 501.
    static func open(_ story: inout Story) {
        #expect(story.send(tcp(syn, 100)) == .local(slot: 1))
        #expect(story.send(tcp(syn | ack, 500, 101, isBack: true), from: 2) == .local(slot: 0))
        #expect(story.send(tcp(ack, 101, 501)) == .local(slot: 1))
    }

    @Test func `What is allowed is answered without an ACL, and nothing else is`() throws {
        var story = try Story([
            Self.rule("inport == \"vm2\" && ip", .drop, .fromPort),
            Self.rule("outport == \"vm2\" && udp.dst == 53", .allowRelated),
            Self.rule("outport == \"vm2\" && ip", .drop),
        ])
        #expect(story.send(Self.udp(2, 53, 1, 900), from: 2) == .drop(.acl))
        #expect(story.send(Self.udp(1, 900, 2, 53)) == .local(slot: 1))
        for _ in 0..<3 { #expect(story.send(Self.udp(2, 53, 1, 900), from: 2) == .local(slot: 0)) }
        #expect(story.send(Self.udp(2, 53, 1, 901), from: 2) == .drop(.acl))
        #expect(story.send(Self.udp(2, 53, 3, 900), from: 2) == .drop(.acl))
        #expect(story.send(Self.udp(1, 900, 2, 54)) == .copyDropped(.acl, slot: 1))
        // Long after the last packet it is another one.
        #expect(story.send(Self.udp(2, 53, 1, 900), from: 2, after: .seconds(119)) == .local(slot: 0))
        #expect(story.send(Self.udp(2, 53, 1, 900), from: 2, after: .seconds(121)) == .drop(.acl))
    }

    @Test func `TCP begins with SYN or in its midst, and its windows are checked`() throws {
        var story = try Story(Self.sshOnly)
        #expect(story.send(Self.tcp(Self.syn | Self.ack, 500, 101, isBack: true), from: 2) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.fin | Self.ack, 1, 1)) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(0, 1)) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.syn | Self.fin, 1)) == .drop(.connectionInvalid))
        Self.open(&story)
        #expect(story.send(Self.tcp(Self.ack, 101, 501, count: 100)) == .local(slot: 1))
        #expect(story.send(Self.tcp(Self.ack, 501, 201, isBack: true, count: 50), from: 2) == .local(slot: 0))
        // Beyond the window, before all that was sent, and an acknowledgment of what nobody has sent.
        #expect(story.send(Self.tcp(Self.ack, 9000, 551, count: 10)) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.ack, 0 &- 90_000, 551, count: 10)) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.ack, 201, 5000)) == .drop(.connectionInvalid))
        // An ACK beyond the window, also without data, and an RST for what was acknowledged.
        #expect(story.send(Self.tcp(Self.ack, 9000, 551)) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.rst, 200)) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.ack, 100, 551)) == .local(slot: 1))
        // An RST in the window is no end, that at its edge is.
        #expect(story.send(Self.tcp(Self.rst, 210)) == .local(slot: 1))
        #expect(story.send(Self.tcp(Self.ack, 551, 201, isBack: true, count: 10), from: 2) == .local(slot: 0))
        #expect(story.send(Self.tcp(Self.rst, 201)) == .local(slot: 1))
        #expect(story.memory.list(at: story.now).allSatisfy { $0.state == "closed" })
        // Another one begins in its place at once.
        Self.open(&story)
    }

    @Test func `Ends that have forgotten a connection open it anew, if both say so`() throws {
        var story = try Story(Self.sshOnly)
        Self.open(&story)
        let data = Self.tcp(Self.ack, 9001, 70_001, count: 10)
        #expect(story.send(data) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.syn, 9000)) == .local(slot: 1))
        // The other end still has it, and says so.
        #expect(story.send(Self.tcp(Self.ack, 501, 101, isBack: true), from: 2) == .local(slot: 0))
        #expect(story.send(data) == .drop(.connectionInvalid))
        // An answer to another SYN passes and is none to this one.
        #expect(story.send(Self.tcp(Self.syn | Self.ack, 70_000, 9002, isBack: true), from: 2) == .local(slot: 0))
        #expect(story.send(data) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.syn | Self.ack, 70_000, 9001, isBack: true), from: 2) == .local(slot: 0))
        #expect(Set(story.memory.list(at: story.now).map(\.state)) == ["answered"])
        #expect(story.send(data) == .local(slot: 1))
        #expect(Set(story.memory.list(at: story.now).map(\.state)) == ["established"])
        #expect(story.send(Self.tcp(Self.ack, 501, 101, isBack: true, count: 1), from: 2) == .drop(.connectionInvalid))
        #expect(story.send(Self.tcp(Self.ack, 70_001, 9011, isBack: true), from: 2) == .local(slot: 0))
    }

    @Test func `Both ends finish, and the connection is closed`() throws {
        var story = try Story(Self.sshOnly)
        Self.open(&story)
        #expect(story.send(Self.tcp(Self.fin | Self.ack, 101, 501)) == .local(slot: 1))
        #expect(Set(story.memory.list(at: story.now).map(\.state)) == ["closing"])
        #expect(story.send(Self.tcp(Self.ack, 501, 102, isBack: true, count: 9), from: 2) == .local(slot: 0))
        #expect(story.send(Self.tcp(Self.fin | Self.ack, 510, 102, isBack: true), from: 2) == .local(slot: 0))
        #expect(Set(story.memory.list(at: story.now).map(\.state)) == ["last_acknowledgment"])
        #expect(story.send(Self.tcp(Self.ack, 102, 511)) == .local(slot: 1))
        #expect(Set(story.memory.list(at: story.now).map(\.state)) == ["closed"])
        story.now += .seconds(11)
        #expect(story.memory.list(at: story.now).isEmpty)
    }

    @Test func `What is rejected is no connection, its sender is told each time, and hears of it`() throws {
        let acls = [
            Self.rule("outport == \"vm2\" && tcp.dst == 22", .reject), Self.rule("0", .allowRelated),
            Self.rule("outport == \"vm1\" && ip", .drop),
        ]
        var story = try Story(acls)
        for _ in 0..<2 { #expect(story.send(Self.tcp(Self.syn, 100)) == .copyDropped(.rejected, slot: 1)) }
        #expect(story.memory.list(at: story.now).map(\.portKey) == [1])
        // The answer belongs to what the sender has opened, and needs no ACL.
        let reset = Self.tcp(Self.rst | Self.ack, 0, 101, isBack: true)
        #expect(story.answer(reset, from: 2, to: 1) == 0)
        story.set(Array(acls[1...]))
        Self.open(&story)
        story.set(acls)
        for _ in 0..<2 {
            let outcome = story.send(Self.tcp(Self.ack, 101, 501, count: 5))
            #expect(outcome == .copyDropped(.rejected, slot: 1))
        }
        // The one that answers is not told.
        #expect(story.send(Self.tcp(Self.ack, 501, 101, isBack: true, count: 5), from: 2) == .drop(.acl))
    }

    @Test func `What ACLs do not allow any more ends at once, in both directions, until they allow it again`() throws {
        var story = try Story(Self.sshOnly)
        Self.open(&story)
        story.set([Self.sshOnly[0], Self.rule("ip6", .drop), Self.sshOnly[1]])
        #expect(story.send(Self.tcp(Self.ack, 501, 101, isBack: true, count: 5), from: 2) == .local(slot: 0))
        story.set([Self.rule("0", .allowRelated), Self.sshOnly[1]])
        // The answers are judged by what they answer, and begin nothing of their own.
        for _ in 0..<3 {
            let outcome = story.send(Self.tcp(Self.ack, 506, 101, isBack: true, count: 5), from: 2)
            #expect(outcome == .drop(.acl))
        }
        #expect(story.send(Self.tcp(Self.ack, 101, 506, count: 5)) == .copyDropped(.acl, slot: 1))
        #expect(story.send(Self.tcp(Self.syn, 900)) == .copyDropped(.acl, slot: 1))
        story.set(Self.sshOnly)
        #expect(story.send(Self.tcp(Self.ack, 506, 101, isBack: true, count: 5), from: 2) == .local(slot: 0))
        #expect(story.send(Self.tcp(Self.ack, 101, 511, count: 5)) == .local(slot: 1))
    }

    @Test func `Another sender with the same addresses is judged by itself and disturbs nobody`() throws {
        let only = [
            Self.rule("outport == \"vm2\" && inport == \"vm1\" && udp", .allowRelated),
            Self.rule("outport == \"vm2\" && ip", .drop),
        ]
        var story = try Story(only)
        #expect(story.send(Self.udp(1, 900, 2, 53)) == .local(slot: 1))
        #expect(story.send(Self.udp(1, 900, 2, 53), from: 3) == .copyDropped(.acl, slot: 1))
        story.set(only + [Self.rule("ip6", .drop)])
        #expect(story.send(Self.udp(1, 900, 2, 53), from: 3) == .copyDropped(.acl, slot: 1))
        #expect(story.send(Self.udp(2, 53, 1, 900), from: 2) == .local(slot: 0))
        #expect(story.send(Self.udp(1, 900, 2, 53)) == .local(slot: 1))
    }

    @Test func `Queries are answered once each way, and errors pass for connections alone`() throws {
        var story = try Story([
            Self.rule("inport == \"vm2\" && ip", .drop, .fromPort), Self.rule("1", .allowRelated),
        ])
        #expect(story.send(Self.echo(2, 1, isReply: true), from: 2) == .drop(.connectionInvalid))
        #expect(story.send(Self.echo(1, 2, isReply: false)) == .local(slot: 1))
        #expect(story.send(Self.echo(2, 1, isReply: true), from: 2) == .local(slot: 0))
        #expect(story.send(Self.echo(2, 1, isReply: false), from: 2) == .drop(.acl))
        #expect(story.send(Self.echo(2, 1, isReply: true, id: 8), from: 2) == .drop(.connectionInvalid))
        let asked = Self.udp(1, 900, 2, 53)
        func unreachable(_ inner: ArraySlice<UInt8>) -> [UInt8] {
            Self.frame(2, 1, IPProtocol.icmpv4, [3, 3, 0, 0, 0, 0, 0, 0] + inner)
        }
        #expect(story.send(unreachable(asked[14...]), from: 2) == .drop(.connectionInvalid))
        #expect(story.send(asked) == .local(slot: 1))
        #expect(story.send(unreachable(asked[14...]), from: 2) == .local(slot: 0))
        for count in 0..<28 {
            #expect(story.send(unreachable(asked[14..<14 + count]), from: 2) == .drop(.connectionInvalid))
        }
        // It has to be about a packet of its receiver.
        let other = Self.udp(3, 900, 2, 53)
        #expect(story.send(other, from: 3) == .local(slot: 1))
        #expect(story.send(unreachable(other[14...]), from: 2) == .drop(.connectionInvalid))
    }

    @Test func `Later fragments pass after the first one, and never without`() throws {
        var story = try Story(Self.sshOnly + [Self.rule("1", .allow)])
        func fragment(_ word: UInt16, id: UInt8, _ payload: [UInt8]) -> [UInt8] {
            var bytes = Self.frame(2, 1, IPProtocol.udp, payload)
            (bytes[19], bytes[20], bytes[21]) = (id, UInt8(word >> 8), UInt8(word & 255))
            return bytes
        }
        let first = FrameBuilder.udp(53, 900, count: 40)
        #expect(story.send(fragment(0x2006, id: 1, first), from: 2) == .drop(.connectionInvalid))
        #expect(story.send(fragment(0x2000, id: 1, first), from: 2) == .local(slot: 0))
        #expect(story.send(fragment(0x2006, id: 1, first), from: 2) == .local(slot: 0))
        #expect(story.send(fragment(0x000c, id: 1, first), from: 2) == .local(slot: 0))
        #expect(story.send(fragment(0x000c, id: 2, first), from: 2) == .drop(.connectionInvalid))
        // One that writes over the header.
        #expect(story.send(fragment(0x0001, id: 1, first), from: 2) == .drop(.connectionInvalid))
    }

    @Test func `Stateless ACLs come before all others, and remember nothing`() throws {
        var story = try Story([
            Self.rule("outport == \"vm2\" && udp", .drop),
            Self.rule("outport == \"vm2\" && udp.dst == 53", .allowStateless),
            Self.rule("0", .allowRelated), Self.rule("outport == \"vm1\" && udp", .drop),
        ])
        #expect(story.send(Self.udp(1, 900, 2, 53)) == .local(slot: 1))
        #expect(story.memory.list(at: story.now).map(\.portKey) == [1])
        #expect(story.send(Self.udp(2, 53, 1, 900), from: 2) == .local(slot: 0))
        #expect(story.send(Self.udp(2, 53, 1, 901), from: 2) == .copyDropped(.acl, slot: 0))
    }

    @Test func `A million connections fit, in less than 200 MiB`() throws {
        // But for the rings of what is half open, of which each busy port has 128 KiB.
        #expect(ConnectionTable.usualBucketCount * (8 + 8 * ConnectionRow.byteCount) < 180 << 20)
        let memory = try ConnectionMemory(bucketCount: ConnectionTable.usualBucketCount / 64)
        let bytes = Self.udp(1, 1, 2, 53)
        let packet = bytes.withUnsafeBytes { TrackedPacket(Frame($0.start, byteCount: $0.count)) }
        let count = ConnectionTable.hostCountMaximum / 64
        let fitting = (0..<count).filter { zone in
            let lookup = memory.connections.look(packet, zone: UInt64(zone), now: 1)
            return memory.connections.keep(lookup, packet, now: 1)
        }
        #expect(fitting.count == count)
    }

    @Test func `Another process goes on with what is there, whatever the words are`() throws {
        var story = try Story(Self.sshOnly)
        Self.open(&story)
        let again = try #require(story.memory.again)
        again.adopt(now: story.now)
        #expect(story.memory.list(at: story.now).count == 2)
        #expect(story.send(Self.tcp(Self.ack, 501, 101, isBack: true, count: 5), from: 2) == .local(slot: 0))
        var generator = SeededGenerator(seed: 5)
        let words = story.memory.words()
        for index in words.indices where index > 4 { words[index] = generator.next() }
        let wild = try #require(story.memory.again)
        wild.adopt(now: story.now)
        for number in 0..<200 {
            _ = story.send(Self.tcp(Self.syn, UInt32(number)))
            _ = story.send(Self.udp(1, UInt16(number), 2, 53))
        }
        _ = wild.remove { $0.portKey == 1 }
        words[0] = 77
        #expect(story.memory.again == nil)
    }
}
