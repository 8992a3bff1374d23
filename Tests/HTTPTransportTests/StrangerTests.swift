import HTTP
import HTTPTypes
import Reactor
import Testing

@testable import HTTPTransport

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
private let whoAmI = "GET /me HTTP/1.1\r\nHost: a\r\n\r\n"
private let ok = HTTPResponse(status: .ok)

/// Connections whose clients have not shown who they are keep nobody out.
@Suite struct StrangerTests {
    let fixture: LoopFixture

    init() throws {
        fixture = try LoopFixture()
    }

    /// A server to which a request for /me tells who asks.
    private func server(_ limits: HTTPLimits) throws -> ServerFixture {
        try ServerFixture(fixture, limits: limits) { exchange in
            if exchange.request.path == "/me" { exchange.identify() }
            exchange.respond(ok, body: .none)
        }
    }

    @Test(
        "Where there are as many connections as there may be, the strangers that have idled longest end for newcomers"
    )
    func room() throws {
        var limits = HTTPLimits()
        limits.connectionMaximum = 4
        limits.reapedConnectionMaximum = 1
        limits.strangerGraceTime = .zero
        let server = try server(limits)
        let known = try RawClient(fixture, to: server.address)
        known.send(whoAmI)
        fixture.run(until: { known.statusCodes == ["200"] })
        var strangers: [RawClient] = []
        for index in 0..<3 {
            strangers.append(try RawClient(fixture, to: server.address))
            // A look at what is for everybody shows nothing.
            if index > 0 { strangers[index].send(get) }
            fixture.look(until: { server.server.connectionCount == index + 2 })
            if index > 0 { fixture.run(until: { strangers[index].statusCodes == ["200"] }) }
        }
        for ended in 0..<3 {
            let newcomer = try RawClient(fixture, to: server.address)
            newcomer.send(whoAmI)
            fixture.run(until: { strangers[ended].hasEnded && newcomer.statusCodes == ["200"] })
            strangers.append(newcomer)
        }
        let late = try RawClient(fixture, to: server.address)
        late.send(whoAmI)
        fixture.run(until: { late.statusCodes == ["503"] })
        #expect(!known.hasEnded)
        known.send(get)
        fixture.run(until: { known.statusCodes == ["200", "200"] })
    }

    @Test("A stranger that idles is ended soon, also one that has looked at what is for everybody")
    func idle() throws {
        var limits = HTTPLimits()
        limits.strangerIdleTime = .milliseconds(50)
        limits.headTime = .seconds(600)
        let server = try server(limits)
        let clients = try (0..<3).map { _ in try RawClient(fixture, to: server.address) }
        clients[0].send(whoAmI)
        clients[1].send(get)
        fixture.run(until: { clients[1].hasEnded && clients[2].hasEnded })
        #expect(clients[1].statusCodes == ["200"] && clients[2].received.isEmpty)
        clients[0].send(get)
        fixture.run(until: { clients[0].statusCodes == ["200", "200"] })
    }

    @Test("An address may have so many strangers beside those that it is known by")
    func ledger() throws {
        let ledger = ConnectionLedger(
            connectionMaximum: 10,
            connectionsPerAddressMaximum: 10,
            strangersPerAddressMaximum: 2,
            shutOutTime: .seconds(60)
        )
        let peer = SocketAddress(parsing: "192.0.2.1:1") ?? .unix(path: "")
        let first = try ledger.admit(peer)
        let second = try ledger.admit(peer)
        #expect(throws: RequestError.tooManyConnectionsOfAddress) { try ledger.admit(peer) }
        first.identify()
        first.identify()
        let third = try ledger.admit(peer)
        #expect(throws: RequestError.tooManyConnectionsOfAddress) { try ledger.admit(peer) }
        first.end()
        #expect(throws: RequestError.tooManyConnectionsOfAddress) { try ledger.admit(peer) }
        second.end()
        _ = try ledger.admit(peer)
        withExtendedLifetime(third) {}
    }

    @Test("Those that are missed least end first")
    func rank() {
        let stranger = IdleRank(isKnown: false, since: .seconds(9))
        let known = IdleRank(isKnown: true, since: .zero)
        #expect(stranger < known && !(known < stranger))
        #expect(IdleRank(isKnown: true, since: .zero) < IdleRank(isKnown: true, since: .seconds(1)))
    }
}
