import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Testing

private func get(_ path: String = "/", _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

private let ok = HTTPResponse(status: .ok)

@Suite struct HTTPServerTests {
    let fixture: LoopFixture

    init() throws {
        fixture = try LoopFixture()
    }

    @Test("A connection is kept and serves requests one after the other, pipelined ones too")
    func keepAlive() throws {
        let server = try ServerFixture(fixture) { exchange in
            #expect(exchange.peer.isLoopback)
            exchange.respond(ok, body: .bytes(Array("\(exchange.request.path ?? "-")\r\n".utf8)))
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(get("/1"))
        fixture.run(until: { client.text.hasSuffix("/1\r\n") })
        client.send(get("/2") + get("/3"))
        fixture.run(until: { client.text.hasSuffix("/3\r\n") })
        #expect(client.statusCodes == ["200", "200", "200"])
        #expect(server.server.connectionCount == 1)
        client.send(get("/4", "Connection: close\r\n"))
        fixture.run(until: { client.hasEnded })
        #expect(client.text.hasSuffix("/4\r\n"))
        #expect(!client.wasReset)
    }

    @Test("A long answer made of slices arrives whole at a client that reads slowly, and is made only as it reads")
    func slices() throws {
        var made = 0
        let server = try ServerFixture(fixture) { exchange in
            exchange.respond(
                ok,
                body: .slices {
                    made += 1
                    return made <= 256 ? [UInt8](repeating: 0x61, count: 1 << 16) : nil
                }
            )
        }
        let client = try RawClient(fixture, to: server.address, receiveBuffer: 1 << 14)
        client.reads = false
        client.send(get())
        fixture.run(for: .milliseconds(50))
        #expect(made < 256)
        client.reads = true
        fixture.run(until: { client.received.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8) })
        #expect(client.received.count { $0 == 0x61 } >= 256 << 16)
    }

    @Test("The owner of an answer that stays open hears when there is room for more, and when the client has gone")
    func stream() throws {
        let stream = BodyStream()
        var takenCount = 0
        var isGone = false
        let server = try ServerFixture(fixture) { [fixture] exchange in
            exchange.onDisconnect = {
                isGone = true
                fixture.changed()
            }
            stream.onTaken = {
                takenCount += 1
                fixture.changed()
            }
            exchange.respond(ok, body: .stream(stream))
        }
        let client = try RawClient(fixture, to: server.address, receiveBuffer: 1 << 14)
        client.send(get())
        fixture.run(until: { client.text.hasSuffix("\r\n\r\n") })
        stream.write(.bytes(Array("one".utf8)))
        fixture.run(until: { client.text.hasSuffix("3\r\none\r\n") && takenCount == 1 })
        client.reads = false
        var made = 0
        stream.write(
            .slices {
                made += 1
                return made <= 1000 ? [UInt8](repeating: 0x61, count: 1 << 16) : nil
            }
        )
        fixture.run(for: .milliseconds(50))
        #expect(takenCount == 1 && made < 1000, "a page waits for its reader")
        client.reads = true
        fixture.run(until: { takenCount == 2 })
        client.close()
        fixture.run(until: { isGone })
        #expect(stream.isEnded && server.server.connectionCount == 0)
    }

    @Test("A client that goes away while its poll is parked is noticed at once, and answering it does nothing")
    func disconnect() throws {
        var parked: HTTPExchange?
        var isGone = false
        let server = try ServerFixture(fixture) { [fixture] exchange in
            parked = exchange
            exchange.onDisconnect = {
                isGone = true
                fixture.changed()
            }
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(get())
        fixture.run(until: { parked != nil })
        client.close()
        fixture.run(until: { isGone })
        parked?.respond(ok, body: .none)
        #expect(server.server.connectionCount == 0)
    }

    @Test("A client that only shuts down its sending side counts as gone for a poll, and is answered otherwise")
    func halfClose() throws {
        var parked: [HTTPExchange] = []
        var isGone = false
        let server = try ServerFixture(fixture) { [fixture] exchange in
            parked.append(exchange)
            guard exchange.request.path == "/poll" else { return }
            exchange.onDisconnect = {
                isGone = true
                fixture.changed()
            }
        }
        let poll = try RawClient(fixture, to: server.address)
        poll.send(get("/poll"))
        try poll.endWrites()
        fixture.run(until: { isGone && poll.hasEnded })
        #expect(poll.received.isEmpty)

        let other = try RawClient(fixture, to: server.address)
        other.send(get("/write"))
        try other.endWrites()
        fixture.run(until: { parked.count == 2 })
        fixture.loop.schedule(after: .milliseconds(20)) { parked[1].respond(ok, body: .none) }
        fixture.run(until: { other.hasEnded })
        #expect(other.statusCodes == ["200"])
    }

    @Test("A client that sends a body too large for its socket still gets the refusal")
    func lingering() throws {
        let server = try ServerFixture(fixture) { $0.respond(ok, body: .none) }
        let client = try RawClient(fixture, to: server.address)
        let count = 3 << 20
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n")
        client.send([UInt8](repeating: 0x61, count: count))
        fixture.run(until: { client.hasEnded })
        #expect(client.statusCodes == ["413"])
        #expect(client.text.contains(#""code":"body_too_large""#))
        #expect(!client.wasReset)
    }

    @Test("Connections beyond the maximum are told 503, and beyond that closed")
    func connectionMaximum() throws {
        var limits = HTTPLimits()
        limits.connectionMaximum = 2
        limits.refusedConnectionMaximum = 1
        let server = try ServerFixture(fixture, limits: limits) { exchange in
            exchange.identify()
            exchange.respond(ok, body: .none)
        }
        let known = try (0..<2).map { _ in try RawClient(fixture, to: server.address) }
        for client in known { client.send(get()) }
        fixture.run(until: { known.allSatisfy { !$0.received.isEmpty } })
        let clients = try (0..<2).map { _ in try RawClient(fixture, to: server.address) }
        fixture.run(until: { clients.allSatisfy(\.hasEnded) })
        #expect(clients[0].statusCodes == ["503"])
        #expect(clients[0].text.contains(#""code":"too_many_connections""#))
        #expect(clients[1].received.isEmpty)
        known[0].send(get())
        fixture.run(until: { known[0].statusCodes == ["200", "200"] })
    }

    @Test("Deadlines fire: half a head gets 408, an idle connection is closed, a parked one is not")
    func deadlines() throws {
        var limits = HTTPLimits()
        limits.headTime = .milliseconds(50)
        limits.idleTime = .milliseconds(50)
        limits.lingeringTime = .milliseconds(50)
        var parked: HTTPExchange?
        let server = try ServerFixture(fixture, limits: limits) { exchange in
            if exchange.request.path == "/parked" { parked = exchange } else { exchange.respond(ok, body: .none) }
        }
        let waiting = try RawClient(fixture, to: server.address)
        waiting.send(get("/parked"))
        let slow = try RawClient(fixture, to: server.address)
        slow.send("GET / HT")
        let idle = try RawClient(fixture, to: server.address)
        idle.send(get())
        fixture.run(until: { slow.hasEnded && idle.hasEnded && parked != nil })
        #expect(slow.statusCodes == ["408"])
        #expect(idle.statusCodes == ["200"])
        #expect(!waiting.hasEnded)
        fixture.run(for: .milliseconds(100))
        parked?.respond(ok, body: .none)
        fixture.run(until: { waiting.hasEnded })
        #expect(waiting.statusCodes == ["200"])
    }

    @Test("Of an answer that its client does not read no more is made than fits into the buffers")
    func unsentBytes() throws {
        let limits = HTTPLimits()
        var madeByteCount = 0
        let server = try ServerFixture(fixture, limits: limits) { exchange in
            let slice = [UInt8](repeating: 0x61, count: 64 * 1024)
            exchange.respond(
                ok,
                body: .slices {
                    madeByteCount += slice.count
                    return madeByteCount > 16 << 20 ? nil : slice
                }
            )
        }
        let client = try RawClient(fixture, to: server.address, receiveBuffer: 1 << 14)
        client.reads = false
        client.send(get())
        fixture.run(for: .milliseconds(500))
        // Those not sent, those in the client's buffer, and those of the connection; the kernel alone would take MiB.
        #expect(madeByteCount <= 2 * limits.unsentByteCountMaximum + 4 * limits.outputByteCountMaximum)
        client.reads = true
        fixture.run(until: { client.received.count > 16 << 20 })
    }

    @Test("A client that takes nothing of its answer is cut off")
    func writeStall() throws {
        var limits = HTTPLimits()
        limits.writeStallTime = .milliseconds(50)
        let body = [UInt8](repeating: 0x61, count: 16 << 20)
        var isAsked = false
        let server = try ServerFixture(fixture, limits: limits) { exchange in
            isAsked = true
            exchange.respond(ok, body: .bytes(body))
        }
        let client = try RawClient(fixture, to: server.address, receiveBuffer: 1 << 14)
        client.reads = false
        client.send(get())
        fixture.run(until: { isAsked })
        fixture.look(until: { server.server.connectionCount == 0 })
    }

    @Test("Draining closes idle connections, lets answers under way leave, and accepts no more")
    func drain() throws {
        var parked: HTTPExchange?
        let server = try ServerFixture(fixture) { exchange in
            if exchange.request.path == "/parked" { parked = exchange } else { exchange.respond(ok, body: .none) }
        }
        let idle = try RawClient(fixture, to: server.address)
        idle.send(get())
        let active = try RawClient(fixture, to: server.address)
        active.send(get("/parked"))
        fixture.run(until: { parked != nil && !idle.received.isEmpty })
        var isDrained = false
        server.server.drain(within: .seconds(60)) { [fixture] in
            isDrained = true
            fixture.changed()
        }
        fixture.run(until: { idle.hasEnded })
        #expect(!isDrained)
        parked?.respond(ok, body: .bytes(Array("done".utf8)))
        fixture.run(until: { active.hasEnded })
        #expect(active.text.contains("Connection: close"))
        #expect(active.text.hasSuffix("done"))
        active.close()
        fixture.run(until: { isDrained })
    }

    @Test("What has not ended at the deadline of a drain is closed")
    func drainDeadline() throws {
        var isGone = false
        var parked: HTTPExchange?
        let server = try ServerFixture(fixture) { exchange in
            parked = exchange
            exchange.onDisconnect = { isGone = true }
        }
        let client = try RawClient(fixture, to: server.address)
        client.send(get())
        fixture.run(until: { parked != nil })
        var isDrained = false
        server.server.drain(within: .milliseconds(20)) { [fixture] in
            isDrained = true
            fixture.changed()
        }
        fixture.run(until: { isDrained && client.hasEnded })
        #expect(isGone)
    }
    @Test("Of connections that hold too much together one ends, but no quiet one that holds little")
    func heldBytes() throws {
        var limits = HTTPLimits()
        limits.heldByteCountMaximum = 100_000
        var parked: [HTTPExchange] = []
        let server = try ServerFixture(fixture, limits: limits) { parked.append($0) }
        let quiet = try RawClient(fixture, to: server.address)
        quiet.send(get("/parked"))
        fixture.run(until: { parked.count == 1 })
        var uploads: [RawClient] = []
        for _ in 0..<3 {
            let upload = try RawClient(fixture, to: server.address)
            upload.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
            upload.send([UInt8](repeating: 0x61, count: 40_000))
            uploads.append(upload)
        }
        fixture.run(until: { uploads.contains(where: \.hasEnded) })
        let left = uploads.filter { !$0.hasEnded }
        #expect(left.count == 2)
        left[0].send([UInt8](repeating: 0x61, count: 10_000))
        fixture.run(until: { parked.count == 2 })
        #expect(parked.last?.body.count == 50_000)
        #expect(!quiet.hasEnded)
    }
}
