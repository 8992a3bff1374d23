import Southbound
import Testing
import Wire

@testable import Datapath

/// Ports with more connections that are not answered than they may have.
@Suite struct ConnectionFloodTests {
    typealias T = ConnectionTests

    /// The finding about a datagram of a flow of this number, from or to the port of a zone; it is noted.
    private func pass(
        _ number: Int,
        isAnswer: Bool = false,
        zone: UInt64,
        now: UInt64,
        in connections: ConnectionTable
    ) -> (finding: ConnectionTable.Lookup.Finding, isKept: Bool) {
        let port = UInt16(truncatingIfNeeded: number)
        var bytes = isAnswer ? T.udp(2, 53, 1, port) : T.udp(1, port, 2, 53)
        bytes[isAnswer ? 33 : 29] = UInt8(truncatingIfNeeded: number >> 16)
        return bytes.withUnsafeBytes { memory in
            let packet = TrackedPacket(Frame(memory.start, byteCount: memory.count))
            let lookup = connections.look(packet, zone: zone, now: now)
            return (lookup.finding, connections.keep(lookup, packet, now: now))
        }
    }

    @Test func `The oldest of a port gives way to the next, and those of other ports stay`() throws {
        let memory = try ConnectionMemory(bucketCount: 1 << 14)
        let connections = memory.connections
        let maximum = connections.halfOpenMaximum
        #expect(maximum == 2978 && ConnectionTable.halfOpenMaximum(ConnectionTable.usualBucketCount) == 32_768)
        #expect((0..<1000).allSatisfy { pass($0, zone: 2, now: 1000, in: connections).isKept })
        #expect((0..<20_000).allSatisfy { pass($0, zone: 1, now: 1000, in: connections) == (.new, true) })
        #expect(memory.list(at: .seconds(2)).count == maximum + 1000)
        // In the order in which they have begun.
        #expect(pass(19_999 - maximum, isAnswer: true, zone: 1, now: 1001, in: connections).finding == .new)
        let first = 20_000 - maximum + 1
        #expect((first..<20_000).allSatisfy { pass($0, zone: 1, now: 1001, in: connections).finding == .original })
        #expect((0..<1000).allSatisfy { pass($0, zone: 2, now: 1001, in: connections).finding == .original })
        connections.recount(now: .seconds(2))
        #expect(pass(60_000, zone: 1, now: 2000, in: connections).isKept)
        #expect(memory.list(at: .seconds(2)).count == maximum + 1000)
        connections.recount(now: .seconds(33))
        #expect(memory.list(at: .seconds(33)).isEmpty)
        #expect((0..<2000).allSatisfy { pass($0, zone: 1, now: 33_000, in: connections).isKept })
        #expect(connections.remove { $0.sourcePort < 100 } == 100)
    }

    @Test func `One that waits stays while few others wait, however many begin and are answered`() throws {
        let memory = try ConnectionMemory(bucketCount: 1 << 14)
        let connections = memory.connections
        let maximum = connections.halfOpenMaximum
        #expect(pass(9, zone: 1, now: 1, in: connections).isKept)
        for number in 0..<10 * maximum {
            #expect(pass(1000 + number, zone: 1, now: 2, in: connections).finding == .new)
            #expect(pass(1000 + number, isAnswer: true, zone: 1, now: 2, in: connections).finding == .reply)
            if number.isMultiple(of: 500) {
                _ = connections.remove { $0.state == "established" }
                connections.recount(now: .milliseconds(2))
            }
        }
        #expect(pass(9, isAnswer: true, zone: 1, now: 3, in: connections).finding == .reply)
        // Of its ring no more is used than was needed.
        let ringWords = ConnectionTable.counterCount * maximum / 2
        #expect(memory.words().suffix(ringWords).count { $0 != 0 } == 512)
    }

    @Test func `As many of a port wait as may, in a ring that grows with them`() throws {
        let memory = try ConnectionMemory(bucketCount: 1 << 14)
        let connections = memory.connections
        let maximum = connections.halfOpenMaximum
        for round in 0..<3 {
            // Some that are answered, so that rings begin anywhere.
            for number in 0..<700 * round {
                #expect(pass(100_000 + number, zone: 1, now: 1, in: connections).isKept)
                #expect(pass(100_000 + number, isAnswer: true, zone: 1, now: 1, in: connections).finding == .reply)
            }
            #expect((0..<maximum).allSatisfy { pass($0, zone: 1, now: 1, in: connections) == (.new, true) })
            #expect((0..<maximum).allSatisfy { pass($0, zone: 1, now: 1, in: connections) == (.original, true) })
            #expect(connections.remove { _ in true } == maximum + 700 * round)
        }
    }

    @Test func `A guest that floods opens connections of its own meanwhile, and so do others`() throws {
        var story = try ConnectionStory(T.sshOnly)
        let between = story.memory.connections.halfOpenMaximum - 10
        var number: UInt16 = 2000
        func flood(_ story: inout ConnectionStory) {
            for _ in 0..<between {
                number &+= 1
                var segment = T.tcp(T.syn, UInt32(number))
                (segment[34], segment[35]) = (UInt8(number >> 8), UInt8(number & 255))
                #expect(story.send(segment, after: .zero) == .local(slot: 1))
            }
        }
        for _ in 0..<3 { flood(&story) }
        #expect(story.send(T.tcp(T.syn, 100)) == .local(slot: 1))
        flood(&story)
        #expect(story.send(T.tcp(T.syn | T.ack, 500, 101, isBack: true), from: 2) == .local(slot: 0))
        #expect(story.send(T.tcp(T.ack, 101, 501)) == .local(slot: 1))
        for _ in 0..<3 { flood(&story) }
        #expect(story.send(T.tcp(T.ack, 101, 501, count: 9)) == .local(slot: 1))
        #expect(story.send(T.tcp(T.ack, 501, 110, isBack: true, count: 9), from: 2) == .local(slot: 0))
        // First fragments, of which each has to be remembered, are a flood as well.
        for number in 0..<UInt16(2 * between) {
            var fragment = T.frame(1, 2, IPProtocol.tcp, Array(T.tcp(T.syn, 7)[34...]))
            (fragment[18], fragment[19], fragment[20]) = (UInt8(number >> 8), UInt8(number & 255), 0x20)
            #expect(story.send(fragment, after: .zero) == .local(slot: 1))
        }
        #expect(story.send(T.tcp(T.ack, 110, 510, count: 9)) == .local(slot: 1))
        story.memory.connections.recount(now: story.now)
        #expect(story.memory.list(at: story.now).count <= 2 * story.memory.connections.halfOpenMaximum + 2)
    }

    @Test func `More than a host may have do not begin, until others are forgotten`() throws {
        var story = try ConnectionStory([T.rule("0", .allowRelated)], bucketCount: 1)
        for port in 900..<UInt16(904) {
            #expect(story.send(T.udp(1, port, 2, 53)) == .local(slot: 1))
            #expect(story.send(T.udp(2, 53, 1, port), from: 2) == .local(slot: 0))
        }
        #expect(story.send(T.udp(1, 904, 2, 53)) == .drop(.connectionLimit))
        #expect(story.send(T.udp(1, 903, 2, 53)) == .local(slot: 1))
        #expect(story.memory.connections.remove { $0.sourcePort == 900 } == 2)
        story.memory.connections.recount(now: story.now)
        #expect(story.send(T.udp(1, 904, 2, 53)) == .local(slot: 1))
    }

    @Test func `Entries that are wild point nowhere`() throws {
        let memory = try ConnectionMemory()
        let words = memory.words()
        for index in words.indices.suffix(words.count / 2) { words[index] = 0xffff_ffff_ffff_ffff &* UInt64(index) }
        let heads = UnsafeMutableBufferPointer(start: memory.connections.heads, count: ConnectionTable.counterCount)
        for index in heads.indices { heads[index] = 0xffff_ffff_ffff_ff00 &* UInt64(index + 1) }
        for number in 0..<1000 {
            #expect(pass(number, zone: 1, now: 1, in: memory.connections) == (.new, true))
        }
    }
}
