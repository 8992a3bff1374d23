import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Decisions that are kept with the connections that they hold for.
@Suite struct KeptConnectionTests {
    typealias T = ConnectionTests
    private static let segment = T.tcp(T.ack, 101, 501, count: 100)

    @Test func `A flow is kept with the connections of both ports, if it neither opens nor ends them`() throws {
        var story = try ConnectionStory(T.sshOnly)
        T.open(&story)
        #expect(story.kept(T.tcp(T.syn, 100)) == nil)
        let kept = try story.found(Self.segment)
        #expect(!kept.ingress.isNone && kept.ingress.isOriginal)
        #expect(!kept.egress.isNone && kept.egress.isOriginal && kept.egress.row != kept.ingress.row)
        let answer = T.tcp(T.ack, 501, 101, isBack: true, count: 5)
        #expect(story.kept(answer, from: 2) == nil)
        #expect(story.send(answer, from: 2) == .local(slot: 0))
        let answered = try story.found(answer, from: 2)
        #expect(!answered.ingress.isOriginal && answered.ingress.row == kept.egress.row)
        #expect(story.send(T.tcp(T.fin | T.ack, 101, 506)) == .local(slot: 1))
        #expect(story.kept(T.tcp(T.fin | T.ack, 101, 506)) == nil)
    }

    @Test(arguments: [T.udp(1, 900, 2, 53), T.echo(1, 2, isReply: false), T.sctp(chunk: 0), T.sctp(chunk: 3)])
    func `Datagrams, echoes and data of SCTP are kept from the second one of a connection on`(bytes: [UInt8]) throws {
        var story = try ConnectionStory([T.rule("0", .allowRelated)])
        #expect(story.send(bytes) == .local(slot: 1))
        #expect(story.kept(bytes) == nil)
        #expect(story.send(bytes) == .local(slot: 1))
        #expect(story.kept(bytes) != nil)
    }

    @Test func `Associations and echoes of the same hosts are kept apart, and what ends them is decided by itself`()
        throws
    {
        var story = try ConnectionStory([
            T.rule("outport == \"vm2\" && sctp.src == 9", .drop), T.rule("1", .allowRelated),
        ])
        for _ in 0..<3 { #expect(story.send(T.sctp(chunk: 0)) == .local(slot: 1)) }
        #expect(story.kept(T.sctp(chunk: 0, from: 9)) == nil)
        #expect(story.send(T.sctp(chunk: 0, from: 9)) == .copyDropped(.acl, slot: 1))
        for _ in 0..<3 { #expect(story.send(T.echo(1, 2, isReply: false)) == .local(slot: 1)) }
        #expect(story.kept(T.echo(1, 2, isReply: false, id: 8)) == nil)
        let answer = T.echo(2, 1, isReply: true)
        for _ in 0..<3 { #expect(story.send(answer, from: 2) == .local(slot: 0)) }
        #expect(story.kept(answer, from: 2) != nil)
        #expect(story.send(answer, from: 2, after: .seconds(31)) == .drop(.connectionInvalid))
        for _ in 0..<3 { #expect(story.send(T.sctp(chunk: 0)) == .local(slot: 1)) }
        #expect(story.send(T.sctp(chunk: 6)) == .local(slot: 1))
        #expect(Set(story.memory.list(at: story.now).map(\.state)) == ["closed"])
        #expect(story.send(T.sctp(chunk: 6), after: .seconds(11)) == .drop(.connectionInvalid))
    }

    @Test func `A connection that is gone, blocked or another one is followed by nothing kept`() throws {
        var story = try ConnectionStory(T.sshOnly)
        T.open(&story)
        let connections = story.memory.connections
        let reference = try story.found(Self.segment).egress
        func isFollowed(_ reference: ConnectionReference, _ bytes: [UInt8], at now: Duration) -> Bool {
            bytes.withUnsafeBytes { memory in
                let frame = Frame(memory.start, byteCount: memory.count)
                return connections.follow(reference, frame, now: ConnectionTable.milliseconds(now))
            }
        }
        #expect(isFollowed(reference, Self.segment, at: story.now))
        // Cut short, out of the window, a fragment, the end, too late.
        for count in 0..<54 { #expect(!isFollowed(reference, Array(Self.segment[..<count]), at: story.now)) }
        #expect(!isFollowed(reference, T.tcp(T.ack, 9000, 501, count: 1), at: story.now))
        var fragment = Self.segment
        fragment[20] = 0x20
        #expect(!isFollowed(reference, fragment, at: story.now))
        #expect(!isFollowed(reference, T.tcp(T.fin | T.ack, 201, 501), at: story.now))
        #expect(!isFollowed(reference, Self.segment, at: story.now + .seconds(7441)))
        // It goes, and begins anew: in its place is another one.
        #expect(connections.remove { _ in true } == 2)
        #expect(!isFollowed(reference, Self.segment, at: story.now))
        T.open(&story)
        #expect(!isFollowed(reference, Self.segment, at: story.now))
        let next = try story.found(Self.segment).egress
        #expect(isFollowed(next, Self.segment, at: story.now))
        // Judged by the other direction, it is blocked for this one.
        story.set([T.rule("0", .allowRelated), T.sshOnly[1]])
        #expect(story.send(T.tcp(T.ack, 501, 201, isBack: true), from: 2) == .drop(.acl))
        #expect(!isFollowed(next, Self.segment, at: story.now))
        #expect(story.send(Self.segment) == .copyDropped(.acl, slot: 1))
    }

    @Test func `What kept flows do is what the whole pipeline does`() throws {
        for seed in 0..<6 {
            var generator = SeededGenerator(seed: UInt64(seed))
            var story = try ConnectionStory(T.sshOnly)
            let other = try ConnectionMemory()
            var talk = RandomTalk()
            var keptCount = 0
            for step in 0..<3000 {
                if Int.random(in: 0..<300, using: &generator) == 0 {
                    story.set(
                        Bool.random(using: &generator) ? T.sshOnly : [T.rule("0", .allowRelated), T.sshOnly[1]]
                    )
                }
                if Int.random(in: 0..<300, using: &generator) == 0 {
                    for connections in [story.memory.connections, other.connections] {
                        _ = connections.remove { $0.portKey == 1 }
                    }
                }
                let (bytes, sender) = talk.next(&generator)
                if story.kept(bytes, from: sender) != nil { keptCount += 1 }
                let late = Int.random(in: 0..<100, using: &generator) == 0
                let pause = Duration.seconds(late ? Int64.random(in: 0..<300, using: &generator) : 0)
                let outcome = story.send(bytes, from: sender, after: pause + .milliseconds(1))
                let whole = story.host.tables.view.outcomes(
                    of: bytes,
                    from: UInt16(sender - 1),
                    connections: other.connections,
                    now: story.now
                )
                #expect(outcome == whole.first, "seed \(seed), step \(step)")
                talk.note(passed: outcome == .local(slot: UInt16(2 - sender)))
                let lists = [story.memory.list(at: story.now), other.list(at: story.now)].map { list in
                    list.map { "\($0)" }.sorted()
                }
                #expect(lists[0] == lists[1], "seed \(seed), step \(step)")
            }
            #expect(keptCount > 500)
        }
    }

    @Test func `A run of segments moves its connection by all of its payload`() throws {
        var story = try ConnectionStory(T.sshOnly)
        T.open(&story)
        let connections = story.memory.connections
        let merged = T.tcp(T.ack, 101, 501, count: 700)
        // The first segment alone was decided on.
        #expect(story.send(T.tcp(T.ack, 101, 501, count: 100)) == .local(slot: 1))
        #expect(story.send(T.tcp(T.ack, 501, 801, isBack: true), from: 2) == .drop(.connectionInvalid))
        let kept = try story.found(merged)
        for reference in [kept.ingress, kept.egress] {
            merged.withUnsafeBytes { memory in
                let frame = Frame(memory.start, byteCount: memory.count)
                #expect(connections.follow(reference, frame, now: ConnectionTable.milliseconds(story.now)))
            }
        }
        #expect(story.send(T.tcp(T.ack, 501, 801, isBack: true), from: 2) == .local(slot: 0))
    }
}

extension ConnectionStory {
    fileprivate func found(
        _ bytes: [UInt8],
        from number: Int = 1
    ) throws -> (ingress: ConnectionReference, egress: ConnectionReference) {
        let kept = kept(bytes, from: number)
        return try #require(kept)
    }

    /// The connections with which the decision on a frame is kept; `nil` if it is not.
    func kept(_ bytes: [UInt8], from number: Int = 1) -> (ingress: ConnectionReference, egress: ConnectionReference)? {
        host.tables.view.kept(bytes, from: UInt16(number - 1), cache)
    }
}

extension Tables {
    /// The connections with which the decision on a frame from a port is kept; `nil` if it is not.
    func kept(
        _ bytes: [UInt8],
        from slot: UInt16,
        _ cache: borrowing FlowCache
    ) -> (ingress: ConnectionReference, egress: ConnectionReference)? {
        bytes.withUnsafeBytes { memory in
            let frame = Frame(memory.start, byteCount: memory.count)
            guard let narrow = FlowKey(from: slot, frame) else { return nil }
            let wide = WideFlowKey(narrow.with(frame), frame)
            guard let key = cache.entry(wide, wide.hash(seed: hashSeed))?.pointee.key else { return nil }
            return (key.ingressConnection, key.egressConnection)
        }
    }
}

/// Two ends that mostly talk as TCP does, and now and then send what nobody should.
struct RandomTalk {
    /// The next numbers of `vm1` and `vm2`.
    private var next: (UInt32, UInt32) = (100, 500)
    private var last: (isBack: Bool, end: UInt32) = (false, 0)

    /// The next frame, and the number of its sender.
    mutating func next(_ generator: inout SeededGenerator) -> ([UInt8], Int) {
        func one(of count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }
        let isBack = Bool.random(using: &generator)
        if one(of: 12) {
            let chunk = one(of: 3) ? UInt8.random(in: 0..<15, using: &generator) : 0
            return (ConnectionTests.sctp(chunk: chunk, isBack: isBack), isBack ? 2 : 1)
        }
        if one(of: 12) {
            let isReply = one(of: 8) ? !isBack : isBack
            let (from, to) = isBack ? (2, 1) : (1, 2)
            let id = UInt16.random(in: 0..<2, using: &generator)
            return (ConnectionTests.echo(from, to, isReply: isReply, id: id), from)
        }
        if one(of: 10) {
            let back = isBack ? (2, 22, 1, 900) : (1, 900, 2, 22)
            return (ConnectionTests.udp(back.0, UInt16(back.1), back.2, UInt16(back.3)), back.0)
        }
        var (sequence, acknowledgment) = isBack ? (next.1, next.0) : (next.0, next.1)
        var flags = TCPFlags.acknowledgment
        var count = Int.random(in: 0..<60, using: &generator)
        if one(of: 25) { (flags, count) = (TCPFlags.synchronize | (isBack ? flags : 0), 0) }
        if one(of: 60) { flags |= TCPFlags.finish }
        if one(of: 100) { flags = TCPFlags.reset }
        if one(of: 12) { sequence = sequence &+ UInt32.random(in: 0..<2000, using: &generator) &- 1000 }
        if one(of: 12) { acknowledgment = acknowledgment &+ UInt32.random(in: 0..<400, using: &generator) &- 200 }
        if one(of: 400) { sequence = generator.next32() }
        let taken = UInt32(count) &+ (flags & (TCPFlags.synchronize | TCPFlags.finish) == 0 ? 0 : 1)
        last = (isBack, sequence &+ taken)
        let bytes = ConnectionTests.tcp(flags, sequence, acknowledgment, isBack: isBack, count: count)
        return (bytes, isBack ? 2 : 1)
    }

    /// Notes if the last frame has come to the other end.
    mutating func note(passed: Bool) {
        guard passed else { return }
        if last.isBack { next.1 = last.end } else { next.0 = last.end }
    }
}

extension SeededGenerator {
    fileprivate mutating func next32() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
}
