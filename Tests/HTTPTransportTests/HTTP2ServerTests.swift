import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Testing

private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0)
private let ok = HTTPResponse(status: .ok)

private func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
    [0, 0, UInt8(payload.count), kind, flags, 0, 0, 0, stream] + payload
}

/// GET http a and the path, in the static table of HPACK and two literals (RFC 7541 appendix A).
private func get(_ stream: UInt8, _ path: String) -> [UInt8] {
    let path = Array(path.utf8)
    return frame(1, 5, stream, [0x82, 0x86, 0x41, 1, 0x61, 0x44, UInt8(path.count)] + path)
}

@Suite struct HTTP2ServerTests {
    let fixture: LoopFixture

    init() throws {
        fixture = try LoopFixture()
    }

    /// The frames that a client has got: kind, flags, stream.
    private func frames(_ client: RawClient) -> [[UInt8]] {
        var rest = client.received[...]
        var frames: [[UInt8]] = []
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            frames.append([header[3], header[4], header[8]])
            rest = rest.dropFirst(9 + Int(header[1]) << 8 + Int(header[2]))
        }
        return frames
    }

    @Test("A flood is told why it ends, and what it goes on to send is not read to the end")
    func flood() throws {
        var limits = HTTPLimits()
        // The usual times of a connection that ends are not what ends it here.
        limits.lingeringTime = .seconds(600)
        let server = try ServerFixture(fixture, limits: limits) { $0.respond(ok, body: .none) }
        let client = try RawClient(fixture, to: server.address)
        let ping = frame(6, 0, 0, [UInt8](repeating: 0, count: 8))
        client.send(preface + [[UInt8]](repeating: ping, count: 2 * limits.http2.controlFrames.burst).joined())
        fixture.run(until: { frames(client).contains { $0[0] == 7 } })
        client.send([UInt8](repeating: 0, count: 1 << 20))
        fixture.look(until: { server.server.connectionCount == 0 })
    }

    @Test("So many that flood are kept without being listened to, and one more ends the oldest")
    func stalled() throws {
        var limits = HTTPLimits()
        limits.stallTime = .seconds(600)
        limits.stalledConnectionMaximum = 2
        let server = try ServerFixture(fixture, limits: limits) { $0.respond(ok, body: .none) }
        let ping = frame(6, 0, 0, [UInt8](repeating: 0, count: 8))
        let flood = preface + [[UInt8]](repeating: ping, count: 2 * limits.http2.controlFrames.burst).joined()
        let clients = try (0..<3).map { _ in
            let client = try RawClient(fixture, to: server.address)
            client.send(flood)
            fixture.run(until: { frames(client).contains { $0[0] == 7 } })
            return client
        }
        fixture.run(until: { clients[0].hasEnded })
        #expect(server.server.connectionCount == 2)
        #expect(!clients[1].hasEnded && !clients[2].hasEnded)
    }

    @Test("The preface makes a plain connection HTTP/2, sent at once or byte by byte")
    func priorKnowledge() throws {
        let server = try ServerFixture(fixture) { exchange in
            exchange.respond(ok, body: .bytes(Array((exchange.request.path ?? "-").utf8)))
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(preface + get(1, "/one"))
        fixture.run(until: { client.received.suffix(4).elementsEqual("/one".utf8) })
        let slow = try RawClient(fixture, to: server.address)
        for byte in preface + get(1, "/two") { slow.send([byte]) }
        fixture.run(until: { slow.received.suffix(4).elementsEqual("/two".utf8) })
        #expect(frames(slow).contains([1, 4, 1]))
        #expect(frames(slow).last == [0, 1, 1])
    }

    @Test("What only begins like the preface is HTTP/1.1")
    func almost() throws {
        let server = try ServerFixture(fixture) { $0.respond(ok, body: .none) }
        let client = try RawClient(fixture, to: server.address)
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r")
        client.send("X")
        fixture.run(until: { client.hasEnded })
        #expect(client.statusCodes == ["505"])
        let cut = try RawClient(fixture, to: server.address)
        cut.send("PRI")
        try cut.endWrites()
        fixture.run(until: { cut.hasEnded })
        #expect(cut.received.isEmpty)
    }

    @Test("A reset stream tells its handler; the other streams go on")
    func reset() throws {
        var parked: [String: HTTPExchange] = [:]
        var gone: [String] = []
        let server = try ServerFixture(fixture) { [fixture] exchange in
            let path = exchange.request.path ?? "-"
            parked[path] = exchange
            exchange.onDisconnect = {
                gone.append(path)
                fixture.changed()
            }
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(preface + get(1, "/1") + get(3, "/3"))
        fixture.run(until: { parked.count == 2 })
        client.send(frame(3, 0, 1, [0, 0, 0, 8]))
        fixture.run(until: { gone == ["/1"] })
        parked["/1"]?.respond(ok, body: .bytes([1]))
        parked["/3"]?.respond(ok, body: .bytes(Array("three".utf8)))
        fixture.run(until: { client.received.suffix(5).elementsEqual("three".utf8) })
        #expect(!frames(client).contains { $0[0] == 1 && $0[2] == 1 })
        #expect(gone == ["/1"])
        #expect(server.server.connectionCount == 1)
    }

    @Test("A flood of resets ends the connection and tells every handler")
    func rapidReset() throws {
        var parked = 0
        var gone = 0
        let server = try ServerFixture(fixture) { exchange in
            parked += 1
            exchange.onDisconnect = { gone += 1 }
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(preface + get(1, "/parked") + get(3, "/parked"))
        fixture.run(until: { parked == 2 })
        for _ in 0...HTTP2Limits().clientResets.burst { client.send(frame(3, 0, 1, [0, 0, 0, 8])) }
        fixture.run(until: { client.hasEnded })
        #expect(frames(client).last?.first == 7)
        #expect(gone == 2)
    }

    @Test("Connections beyond the maximum are told so in HTTP/2 as well")
    func connectionMaximum() throws {
        var limits = HTTPLimits()
        limits.connectionMaximum = 1
        let server = try ServerFixture(fixture, limits: limits) { exchange in
            exchange.identify()
            exchange.respond(ok, body: .none)
        }
        let first = try RawClient(fixture, to: server.address)
        first.send(preface + get(1, "/"))
        fixture.run(until: { frames(first).contains([1, 5, 1]) })
        let second = try RawClient(fixture, to: server.address)
        second.send(preface + get(1, "/"))
        fixture.run(until: { second.hasEnded })
        #expect(!second.received.isEmpty)
    }

    @Test("Draining says GOAWAY, takes what is on its way, and ends with the last answer")
    func drain() throws {
        var parked: [HTTPExchange] = []
        let server = try ServerFixture(fixture) { parked.append($0) }
        let client = try RawClient(fixture, to: server.address)
        client.send(preface + get(1, "/1"))
        fixture.run(until: { parked.count == 1 })
        var isDrained = false
        server.server.drain(within: .seconds(60)) { [fixture] in
            isDrained = true
            fixture.changed()
        }
        fixture.run(until: { frames(client).contains { $0[0] == 6 } })
        client.send(get(3, "/3") + frame(6, 1, 0, Array("shutdown".utf8)))
        fixture.run(until: { parked.count == 2 && frames(client).count { $0[0] == 7 } == 2 })
        for exchange in parked { exchange.respond(ok, body: .none) }
        fixture.run(until: { client.hasEnded })
        #expect(frames(client).count { $0[0] == 1 } == 2)
        client.close()
        fixture.run(until: { isDrained })
    }
}
