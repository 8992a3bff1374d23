import API
import CentralCore
import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Logging
import NetworkModel
import Reactor
import Testing

@testable import Central

/// One serving loop on the test's own thread, with a core that never answers.
@Suite struct ServingLoopTests {
    /// A loop that serves users on a free port of the loopback, with small bounds, and a client of it.
    private func serve(
        on loop: EventLoop,
        index: Int,
        core: Mailbox<CoreThread.Message>,
        bulk: Mailbox<BulkThread.Message>? = nil,
        main: Mailbox<CentralDaemon.Message>
    ) throws -> (ServingLoop, HTTPClient) {
        let serving = ServingLoop(
            index: index,
            cell: LatestCell(Published(network: Network(epoch: 1), isReady: true)),
            core: core,
            bulk: bulk,
            main: main,
            metrics: Metrics(loopCount: index + 1, storePath: "/nonexistent"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            requestIDPrefix: "r",
            parkedRequestMaximum: 2,
            eventStreamMaximum: 1
        )
        let listener = try Descriptor.listen(on: try #require(SocketAddress(parsing: "127.0.0.1:0")))
        let port = try #require(try listener.localAddress().port)
        let product = API.Product(store: "sqlite", parkedRequestMaximum: 2, eventStreamMaximum: 1)
        let api = API(
            plane: .northbound,
            contract: [],
            product: product,
            digest: { $0.flatMap { $0 } },
            statistics: { _ in Statistics(requests: .init(), appends: .init(), storeByteCount: 0, gauges: []) }
        )
        try serving.serve(listener, api: api, on: loop)
        return (serving, HTTPClient(loop: loop, endpoint: .tcp(host: "127.0.0.1", port: port)))
    }

    @Test func `A loop holds so many requests for the core, and refuses one more with 503`() throws {
        let loop = try EventLoop()
        let main = try Mailbox<CentralDaemon.Message>(on: loop) { _ in }
        var asked: [UInt64] = []
        let core = try Mailbox<CoreThread.Message>(on: loop) { message in
            guard case .ask(let ticket, let request) = message else { return }
            asked.append(ticket)
            if case .write = request { loop.stop() }
        }
        let (_, client) = try serve(on: loop, index: 3, core: core, main: main)
        var refused: HTTPClientResponse?
        let request = HTTPRequest(method: .get, scheme: "http", authority: nil, path: "/v1/realization?wait=600")
        for _ in 0..<3 {
            client.send(request, timeout: .seconds(60)) { result in
                refused = try? result.get()
                loop.stop()
            }
        }
        loop.run()
        #expect(refused?.response.status == .serviceUnavailable)
        #expect((try? JSONParser.parse(refused?.body ?? []))?["code"] == "unavailable")
        #expect(asked.map(ServingLoop.index) == [3, 3])

        // A write has a place of its own beyond those of the polls.
        var write = HTTPRequest(method: .post, scheme: "http", authority: nil, path: "/v1/switches")
        write.headerFields[.contentType] = "application/json"
        client.send(write, body: Array("{\"name\":\"ls1\"}".utf8), timeout: .seconds(60)) { _ in }
        loop.run()
        #expect(asked.count == 3)
    }

    @Test(arguments: [255, 256])
    func `A long answer is made and ended elsewhere, a short one at once`(count: Int) throws {
        let loop = try EventLoop()
        let main = try Mailbox<CentralDaemon.Message>(on: loop) { _ in }
        var serving: ServingLoop?
        let result = OperationResult(object: Array("{}".utf8), name: "ls1", revision: 2, isCreated: true)
        let answer = Answer.written(revision: 2, Array(repeating: result, count: count))
        let core = try Mailbox<CoreThread.Message>(on: loop) { message in
            guard case .ask(let ticket, _) = message else { return }
            serving?.receive(.answers([(ticket, answer)]))
        }
        var receptionCount = 0
        let bulk = try Mailbox<BulkThread.Message>(on: loop) { message in
            guard case .answered(let reception) = message else { return }
            receptionCount += 1
            let action = reception.next(reception.answer)
            serving?.receive(.decided(reception.ticket, .init(action: action, isIdentified: false)))
        }
        let (begun, client) = try serve(on: loop, index: 0, core: core, bulk: bulk, main: main)
        serving = begun
        var request = HTTPRequest(method: .post, scheme: "http", authority: nil, path: "/v1/switches")
        request.headerFields[.contentType] = "application/json"
        // More than there are places for at a time.
        for _ in 0..<5 {
            var answer: HTTPClientResponse?
            client.send(request, body: Array("{\"name\":\"ls1\"}".utf8), timeout: .seconds(60)) { result in
                answer = try? result.get()
                loop.stop()
            }
            loop.run()
            #expect(answer?.response.status == .created)
        }
        #expect(receptionCount == (count < 256 ? 0 : 5))
    }

    @Test func `A loop keeps so many streams of events open, refuses one more, and ends them when it drains`() throws {
        let loop = try EventLoop()
        let main = try Mailbox<CentralDaemon.Message>(on: loop) { _ in }
        var serving: ServingLoop?
        var askedCount = 0
        let core = try Mailbox<CoreThread.Message>(on: loop) { message in
            guard case .ask(let ticket, .watch(let request)) = message else { return }
            askedCount += 1
            // The first request of a stream is not held; the next one is, for ever.
            let feed = ChangeFeed(epoch: 1, from: 0, to: 0, hash: .zero, hasMore: false, changes: [])
            if request.wait == 0 { serving?.receive(.answers([(ticket, .watched(feed))])) } else { loop.stop() }
        }
        let (begun, client) = try serve(on: loop, index: 0, core: core, main: main)
        serving = begun
        var answers: [HTTPClientResponse?] = []
        var request = HTTPRequest(method: .get, scheme: "http", authority: nil, path: "/v1/changes")
        request.headerFields[.accept] = "text/event-stream"
        func open() {
            client.send(request, timeout: .seconds(60)) { result in
                answers.append(try? result.get())
                loop.stop()
            }
            loop.run()
        }
        open()
        #expect(askedCount == 2 && answers.isEmpty, "the stream is open and waits for changes")
        open()
        #expect(answers.map(\.?.response.status) == [.serviceUnavailable])
        #expect(answers.first??.response.headerFields[.retryAfter] == "1")
        #expect(answers.first??.response.headerFields.contains { $0.name.canonicalName == "heddle-epoch" } == true)
        begun.receive(.drain)
        loop.run()
        #expect(answers.last??.response.status == .ok)
        let text = String(decoding: answers.last??.body ?? [], as: UTF8.self)
        #expect(text == "retry: 1000\nid: 0000000000000001-0-0000000000000000\n: heartbeat\n\n")
    }

    @Test func `A loop that has nobody to end for a newcomer asks the others, who end those that idle`() throws {
        let loop = try EventLoop()
        var told: [Int] = []
        let main = try Mailbox<CentralDaemon.Message>(on: loop) { message in
            if case .needsRoom(let index) = message { told.append(index) }
            loop.stop()
        }
        let core = try Mailbox<CoreThread.Message>(on: loop) { _ in }
        let (serving, client) = try serve(on: loop, index: 1, core: core, main: main)
        // Asked twice in a moment, it asks once.
        let first = serving.makeRoom()
        let second = serving.makeRoom()
        #expect(!first && !second)
        loop.run()
        #expect(told == [1])

        let request = HTTPRequest(method: .get, scheme: "http", authority: nil, path: "/livez")
        client.send(request, timeout: .seconds(60)) { _ in loop.stop() }
        loop.run()
        serving.receive(.makeRoom)
        let third = serving.makeRoom()
        #expect(!third, "its only connection has ended")
    }
}
