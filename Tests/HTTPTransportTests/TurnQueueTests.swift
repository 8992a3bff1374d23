import HTTP
import HTTPTypes
import Reactor
import Testing

@testable import HTTPTransport

private let ok = HTTPResponse(status: .ok)

/// Takes a turn that costs so much time, and comes again.
private final class Greedy: TurnTaker {
    private let queue: TurnQueue
    private let rank: Int
    private(set) var turnCount = 0

    init(_ queue: TurnQueue, rank: Int) {
        self.queue = queue
        self.rank = rank
        queue.add(self, rank: rank)
    }

    func takeTurn() {
        turnCount += 1
        let end = Clock.monotonic() + TurnQueue.turnTime
        while Clock.monotonic() < end {}
        queue.add(self, rank: rank)
    }
}

@Suite struct TurnQueueTests {
    /// Runs so many turns of the loop.
    private func run(_ loop: EventLoop, turns: Int) {
        var count = 0
        func turn() {
            count += 1
            if count == turns { loop.stop() } else { loop.defer(turn) }
        }
        loop.defer(turn)
        loop.run()
    }

    @Test func `A turn of the loop does one costly piece, and each waits for as many pieces as there are others`()
        throws
    {
        let loop = try EventLoop()
        let queue = TurnQueue(loop: loop)
        let takers = (0..<5).map { _ in Greedy(queue, rank: 2) }
        run(loop, turns: 20)
        let counts = takers.map(\.turnCount)
        // A turn for which the thread had to wait may do more than one piece.
        #expect(counts.reduce(0, +) >= 20)
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }

    @Test func `Who costs least goes first, and all others are served all the same`() throws {
        let loop = try EventLoop()
        let queue = TurnQueue(loop: loop)
        let takers = (0...Pace.rankMaximum).map { Greedy(queue, rank: $0) }
        run(loop, turns: 60)
        let counts = takers.map(\.turnCount)
        #expect(counts[0] >= 30)
        #expect(counts[1...].allSatisfy { $0 >= 10 && $0 < counts[0] })
    }

    @Test func `Who asks for little is served at once, and who has more to send than was read is not`() {
        var pace = Pace()
        #expect(pace.rank == 1)
        #expect(pace.isInDoubt)
        pace.didRead(100)
        for _ in 0..<8 { pace.note(.microseconds(10)) }
        #expect(pace.rank == 0)
        #expect(!pace.isInDoubt)
        #expect(pace.readByteCount == 4096)
        // One piece that took long says nothing yet: the thread may have waited itself.
        pace.note(.milliseconds(10))
        for _ in 0..<4 { pace.note(.microseconds(10)) }
        #expect(pace.rank == 0)
        pace.didRead(pace.readByteCount)
        #expect(pace.rank == 1)
        for _ in 0..<20 { pace.note(.milliseconds(1)) }
        #expect(pace.rank == Pace.rankMaximum)
        #expect(pace.readByteCount == 1024)
        pace.didRead(pace.readByteCount)
        for _ in 0..<20 { pace.note(.microseconds(10)) }
        #expect(pace.readByteCount == 64 * 1024)
    }

    @Test func `The first few of many are found without putting all in order`() {
        let numbers = (0..<1000).map { $0 * 7919 % 1009 }
        var comparisonCount = 0
        let first = numbers.first(16) {
            comparisonCount += 1
            return $0 < $1
        }
        #expect(first == Array(numbers.sorted().prefix(16)) && comparisonCount < 3000)
        #expect([3, 1].first(16, by: <) == [1, 3] && [1].first(0, by: <).isEmpty)
    }

    @Test func `Who asks for news again is served after one that asks for something`() throws {
        let fixture = try LoopFixture()
        var paths: [String] = []
        let server = try ServerFixture(fixture) { exchange in
            paths.append(exchange.request.path ?? "")
            exchange.isPoll = exchange.request.path == "/news"
            let end = Clock.monotonic() + Pace.sliceTime
            while Clock.monotonic() < end {}
            exchange.respond(ok, body: .none)
        }
        let clients = try (0...20).map { _ in try RawClient(fixture, to: server.address) }
        // The number of answers to others before the one to whoever asks for something.
        func ask() -> Int {
            paths = []
            let news = String(repeating: "GET /news HTTP/1.1\r\nHost: a\r\n\r\n", count: 10)
            for client in clients.dropLast() { client.send(news) }
            clients.last?.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
            fixture.run(until: { paths.count == 201 })
            return paths.firstIndex(of: "/one") ?? 201
        }
        // The first round tells the server how each of them is. Of the others one at least is not disturbed by whatever
        // else the processor has to do; without ranks the last of 21 is never served before the others were.
        _ = ask()
        #expect((0..<5).map { _ in ask() }.min() ?? 201 < 5)
    }

    @Test func `A long pipeline and a long body are worked off over many turns`() throws {
        let fixture = try LoopFixture()
        var byteCount = 0
        let server = try ServerFixture(fixture) { exchange in
            byteCount += exchange.body.count
            // A handler that costs more than a slice.
            let end = Clock.monotonic() + Pace.sliceTime
            while Clock.monotonic() < end {}
            exchange.respond(ok, body: .none)
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 100))
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 700000\r\n\r\n")
        client.send([UInt8](repeating: 0x61, count: 700_000))
        fixture.run(until: { client.statusCodes.count == 101 })
        #expect(byteCount == 700_000)
    }
}
