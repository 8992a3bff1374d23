import Glibc
import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Testing

private let ok = HTTPResponse(status: .ok)
private typealias Outcome = Result<HTTPClientResponse, HTTPClientError>

private func request(_ method: HTTPRequest.Method = .get, _ path: String = "/") -> HTTPRequest {
    HTTPRequest(method: method, scheme: nil, authority: nil, path: path)
}

private func text(_ outcome: Outcome?) -> String? {
    guard case .success(let answer)? = outcome else { return nil }
    return String(decoding: answer.body, as: UTF8.self)
}

private func failure(_ outcome: Outcome?) -> HTTPClientError? {
    guard case .failure(let error)? = outcome else { return nil }
    return error
}

@Suite struct HTTPClientTests {
    let fixture: LoopFixture

    init() throws {
        fixture = try LoopFixture()
    }

    private func client(_ address: SocketAddress, _ limits: HTTPClient.Limits = .init()) throws -> HTTPClient {
        let endpoint = try HTTPEndpoint(url: "http://\(address)")
        return HTTPClient(loop: fixture.loop, endpoint: endpoint, limits: limits)
    }

    /// Sends and waits for the outcome.
    private func call(
        _ client: HTTPClient,
        _ request: HTTPRequest = request(),
        body: [UInt8] = [],
        timeout: Duration = LoopFixture.patience
    ) -> Outcome? {
        var outcome: Outcome?
        client.send(request, body: body, timeout: timeout) { [fixture] result in
            outcome = result
            fixture.changed()
        }
        #expect(outcome == nil)
        fixture.run(until: { outcome != nil })
        return outcome
    }

    @Test("Calls go over TCP, by name and by address, one after the other over one connection")
    func calls() throws {
        let server = try ServerFixture(fixture) { exchange in
            let text = "\(exchange.request.method) \(exchange.request.authority ?? "-") \(exchange.body.count)"
            exchange.respond(ok, body: .bytes(Array(text.utf8)))
        }
        let client = try client(server.address)
        #expect(text(call(client)) == "GET \(server.address) 0")
        let body = [UInt8](repeating: 0x61, count: 1 << 20)
        #expect(text(call(client, request(.put), body: body)) == "PUT \(server.address) 1048576")
        #expect(server.server.connectionCount == 1)
        let port = server.address.port ?? 0
        let byName = HTTPClient(loop: fixture.loop, endpoint: .tcp(host: "localhost", port: port))
        #expect(text(call(byName)) == "GET localhost:\(port) 0")
    }

    @Test("The content of an answer that stays open comes as it is written, and that of a refusal with it")
    func contentAsItComes() throws {
        let stream = BodyStream()
        let server = try ServerFixture(fixture) { exchange in
            guard exchange.request.path == "/open" else {
                return exchange.respond(HTTPResponse(status: .notFound), body: .bytes(Array("none".utf8)))
            }
            stream.write(.bytes([1, 2]))
            exchange.respond(ok, body: .stream(stream))
        }
        let client = try client(server.address)
        var content: [UInt8] = []
        var outcome: Outcome?
        let call = client.send(request(.get, "/open"), timeout: LoopFixture.patience) { [fixture] result in
            outcome = result
            fixture.changed()
        }
        call.onContent = { [fixture] in
            content += $0
            fixture.changed()
        }
        fixture.run(until: { content == [1, 2] })
        #expect(outcome == nil)
        stream.write(.bytes([3]))
        fixture.run(until: { content == [1, 2, 3] })
        stream.end()
        fixture.run(until: { outcome != nil })
        #expect(text(outcome) == "")
        outcome = nil
        let refused = client.send(request(), timeout: LoopFixture.patience) { [fixture] result in
            outcome = result
            fixture.changed()
        }
        refused.onContent = { _ in Issue.record("a refusal is no content") }
        fixture.run(until: { outcome != nil })
        #expect(text(outcome) == "none")
    }

    @Test("Calls go over a Unix socket")
    func unixSocket() throws {
        let path = "/tmp/hd-http-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        defer { unlink(path) }
        let listener = try Descriptor.listen(on: .unix(path: path))
        let server = try HTTPServer(loop: fixture.loop, listener: listener) { exchange in
            exchange.respond(ok, body: .bytes(Array((exchange.request.authority ?? "-").utf8)))
        }
        let client = HTTPClient(loop: fixture.loop, endpoint: .unix(path: path))
        #expect(text(call(client)) == "localhost")
        #expect(server.connectionCount == 1)
    }

    @Test("As many connections are opened as allowed; more calls wait, and yet more fail")
    func poolBounds() throws {
        var parked: [HTTPExchange] = []
        let server = try ServerFixture(fixture) { parked.append($0) }
        var limits = HTTPClient.Limits()
        limits.connectionMaximum = 2
        limits.waitingCallMaximum = 1
        let client = try client(server.address, limits)
        var outcomes: [Outcome] = []
        for _ in 0..<4 {
            client.send(request(), timeout: LoopFixture.patience) { [fixture] result in
                outcomes.append(result)
                fixture.changed()
            }
        }
        fixture.run(until: { parked.count == 2 && outcomes.count == 1 })
        #expect(failure(outcomes[0]) == .tooManyCalls(client.endpoint))
        #expect(server.server.connectionCount == 2)
        for exchange in parked { exchange.respond(ok, body: .none) }
        fixture.run(until: { parked.count == 3 })
        parked[2].respond(ok, body: .none)
        fixture.run(until: { outcomes.count == 4 })
        #expect(outcomes.dropFirst().allSatisfy { failure($0) == nil })
        #expect(server.server.connectionCount == 2)
    }

    @Test("A call that takes too long fails and its connection is closed; the next call gets a fresh one")
    func timeout() throws {
        var isGone = false
        let server = try ServerFixture(fixture) { [fixture] exchange in
            guard exchange.request.path == "/slow" else { return exchange.respond(ok, body: .none) }
            exchange.onDisconnect = {
                isGone = true
                fixture.changed()
            }
        }
        let client = try client(server.address)
        let outcome = call(client, request(.get, "/slow"), timeout: .milliseconds(500))
        #expect(failure(outcome) == .timedOut(client.endpoint, .milliseconds(500)))
        #expect(failure(outcome)?.description == "\(server.address) did not answer within 500 ms")
        fixture.run(until: { isGone })
        #expect(failure(call(client)) == nil)
    }

    @Test("A cancelled call closes its connection and never completes")
    func cancel() throws {
        var isAsked = false
        var isGone = false
        let server = try ServerFixture(fixture) { [fixture] exchange in
            isAsked = true
            exchange.onDisconnect = {
                isGone = true
                fixture.changed()
            }
        }
        let client = try client(server.address)
        let call = client.send(request(), timeout: .seconds(60)) { _ in Issue.record("completed") }
        fixture.run(until: { isAsked })
        call.cancel()
        call.cancel()
        fixture.run(until: { isGone })
        client.send(request(), timeout: .milliseconds(60)) { _ in Issue.record("completed") }.cancel()
        fixture.run(for: .milliseconds(100))
    }

    @Test("A call on a used connection that is closed without an answer is sent once more, on a fresh one")
    func retry() throws {
        let server = try RawServer(fixture) { connection, read in
            connection == 0 && read == 1 ? nil : "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(connection)"
        }
        let client = try client(server.address)
        #expect(text(call(client)) == "0")
        #expect(text(call(client, request(.put), body: [1])) == "1")
        #expect(server.connectionCount == 2)
    }

    @Test("What may have been carried out is not sent twice")
    func noRetry() throws {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        let fresh = try RawServer(fixture) { _, _ in nil }
        let freshClient = try client(fresh.address)
        let lost = failure(call(freshClient))
        #expect(lost?.description == "\(fresh.address) closed the connection before its answer was whole")
        #expect(fresh.connectionCount == 1)

        let used = try RawServer(fixture) { _, read in read == 0 ? whole : nil }
        let usedClient = try client(used.address)
        #expect(failure(call(usedClient)) == nil)
        #expect(failure(call(usedClient, request(.post), body: [1])) == .connectionLost(usedClient.endpoint))
        #expect(used.connectionCount == 1)

        let begun = try RawServer(fixture) { _, read in
            switch read {
            case 0: whole
            case 1: "HTTP/1.1 200"
            default: nil
            }
        }
        let begunClient = try client(begun.address)
        #expect(failure(call(begunClient)) == nil)
        var outcome: Outcome?
        begunClient.send(request(), timeout: LoopFixture.patience) { [fixture] result in
            outcome = result
            fixture.changed()
        }
        fixture.run(until: { begun.readCount == 2 })
        begun.closeAll()
        fixture.run(until: { outcome != nil })
        #expect(failure(outcome) == .connectionLost(begunClient.endpoint))
        #expect(begun.connectionCount == 1)
    }

    @Test("A server that is not there is named with the reason")
    func cannotConnect() throws {
        let any = try #require(SocketAddress(parsing: "127.0.0.1:0"))
        let address = try Descriptor.listen(on: any).localAddress()
        let refused = failure(call(try client(address)))
        #expect(refused?.description == "connect to \(address): Connection refused")

        let noSocket = HTTPClient(loop: fixture.loop, endpoint: .unix(path: "/nonexistent/agent.sock"))
        #expect(
            failure(call(noSocket))?.description == "connect to /nonexistent/agent.sock: No such file or directory"
        )
        let noName = HTTPClient(loop: fixture.loop, endpoint: .tcp(host: "name.invalid", port: 1))
        guard case .cannotResolve(let endpoint, _)? = failure(call(noName)) else {
            Issue.record("resolved")
            return
        }
        #expect(endpoint == noName.endpoint)
    }

    @Test("What is no HTTP, or too much of it, fails the call")
    func badResponses() throws {
        let server = try RawServer(fixture) { connection, _ in
            connection == 0
                ? "SSH-2.0-OpenSSH\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a"
        }
        var limits = HTTPClient.Limits()
        limits.bodyByteCountMaximum = 10
        let client = try client(server.address, limits)
        #expect(failure(call(client)) == .badResponse(client.endpoint, .badVersion))
        #expect(failure(call(client)) == .badResponse(client.endpoint, .bodyTooLong(maximum: 10)))
        #expect(failure(call(client, request(.get, "no path"))) == .badRequest(.badTarget))
    }

    @Test("An answer that comes while the body is still being sent counts")
    func earlyAnswer() throws {
        let server = try ServerFixture(fixture) { $0.respond(ok, body: .none) }
        let client = try client(server.address)
        guard case .success(let answer)? = call(client, request(.put), body: [UInt8](repeating: 0x61, count: 3 << 20))
        else {
            Issue.record("no answer")
            return
        }
        #expect(answer.response.status.code == 413)
    }

    @Test("An unused connection is closed after its idle time")
    func idleTime() throws {
        let server = try ServerFixture(fixture) { $0.respond(ok, body: .none) }
        var limits = HTTPClient.Limits()
        limits.idleTime = .milliseconds(30)
        let client = try client(server.address, limits)
        #expect(failure(call(client)) == nil)
        fixture.look(until: { server.server.connectionCount == 0 })
        #expect(failure(call(client)) == nil)
        client.closeIdleConnections()
        fixture.look(until: { server.server.connectionCount == 0 })
    }
}
