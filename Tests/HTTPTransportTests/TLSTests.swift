import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Security
import Testing

/// HTTP over TLS: the server's side, the client's, and what both do when there is none.
@Suite struct TLSTests {
    let fixture: LoopFixture
    let authority: CertificateAuthority

    init() throws {
        fixture = try LoopFixture()
        authority = try CertificateAuthority.make(named: "test", key: try PrivateKey.make(), now: Clock.wallSeconds())
    }

    private func identity(_ purpose: CertificateAuthority.Purpose) throws -> TLSIdentity {
        let key = try PrivateKey.make()
        let request = try CertificateRequest.make(for: key)
        let now = Clock.wallSeconds()
        let certificate = try authority.issue(request, named: "x", purpose, now: now, lifetime: 3600)
        return try TLSIdentity(chain: [certificate, authority.certificate], key: key)
    }

    private func serverContext(asksClients: Bool = false) throws -> TLSContext {
        try .server(
            try identity(.server(names: [], addresses: [[127, 0, 0, 1]])),
            protocols: HTTPServer.protocols,
            clientAuthorities: asksClients ? [authority.certificate] : []
        )
    }

    private func client(_ server: ServerFixture, identity: TLSIdentity? = nil) throws -> HTTPClient {
        let trust = TLSTrust.authorities(pem: try authority.certificate.pem())
        return HTTPClient(
            loop: fixture.loop,
            endpoint: .tls(host: "127.0.0.1", port: try #require(server.address.port)),
            tls: try .client(trusting: trust, identity: identity)
        )
    }

    private func answer(
        _ client: HTTPClient,
        _ method: HTTPRequest.Method = .get,
        body: [UInt8] = []
    ) -> Result<HTTPClientResponse, HTTPClientError>? {
        var result: Result<HTTPClientResponse, HTTPClientError>?
        let request = HTTPRequest(method: method, scheme: nil, authority: nil, path: "/")
        client.send(request, body: body, timeout: .seconds(30)) {
            result = $0
            fixture.changed()
        }
        fixture.run(until: { result != nil })
        return result
    }

    @Test func `Long bodies go both ways, over one connection`() throws {
        let body = [UInt8](repeating: 0x61, count: 3 << 20)
        var limits = HTTPLimits()
        limits.bodyByteCountMaximum = body.count
        let server = try ServerFixture(fixture, limits: limits, tls: try serverContext()) { exchange in
            #expect(exchange.body == body)
            var left = 64
            exchange.respond(
                HTTPResponse(status: .ok),
                body: .slices {
                    left -= 1
                    return left >= 0 ? [UInt8](repeating: 0x62, count: 1 << 16) : nil
                }
            )
        }
        let client = try client(server)
        for _ in 0..<2 {
            let response = try #require(answer(client, .post, body: body)).get()
            #expect(response.body.count == 64 << 16)
        }
        #expect(server.server.connectionCount == 1 && server.server.handshakeCount == 0)
    }

    @Test func `The handler sees the client's certificate`() throws {
        var seen: [String] = []
        let server = try ServerFixture(fixture, tls: try serverContext(asksClients: true)) { exchange in
            if case .certificate(let certificate) = exchange.credentials { seen += certificate.uris }
            exchange.respond(HTTPResponse(status: .noContent), body: .none)
        }
        _ = try #require(answer(try client(server))).get()
        #expect(seen.isEmpty)
        _ = try #require(answer(try client(server, identity: try identity(.client(uris: ["urn:x:1"]))))).get()
        #expect(seen == ["urn:x:1"])
    }

    @Test func `A client without TLS is turned away, and so is one that trusts others`() throws {
        let server = try ServerFixture(fixture, tls: try serverContext()) { _ in Issue.record("nobody gets here") }
        let plain = try RawClient(fixture, to: server.address)
        plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        fixture.run(until: { plain.hasEnded })
        let client = HTTPClient(
            loop: fixture.loop,
            endpoint: .tls(host: "127.0.0.1", port: try #require(server.address.port)),
            tls: try .client(trusting: .system)
        )
        guard case .failure(.insecure(_, let reason))? = answer(client) else {
            Issue.record("a stranger was believed")
            return
        }
        #expect(reason.description.contains("self-signed certificate"))
        #expect(server.server.connectionCount == 0)
    }

    @Test func `A client's certificate that is refused is told as the reason`() throws {
        let server = try ServerFixture(fixture, tls: try serverContext(asksClients: true)) { _ in }
        let misused = try identity(.server(names: ["x"], addresses: []))
        guard case .failure(.insecure)? = answer(try client(server, identity: misused)) else {
            Issue.record("a server's certificate was taken for a client's")
            return
        }
    }

    @Test func `A handshake that takes too long is ended`() throws {
        var limits = HTTPLimits()
        limits.handshakeTime = .milliseconds(20)
        let server = try ServerFixture(fixture, limits: limits, tls: try serverContext()) { _ in }
        let silent = try RawClient(fixture, to: server.address)
        fixture.run(until: { silent.hasEnded })
        #expect(server.server.handshakeCount == 0)
    }

    @Test func `Of too many handshakes the oldest makes way`() throws {
        var limits = HTTPLimits()
        limits.handshakeMaximum = 2
        let server = try ServerFixture(fixture, limits: limits, tls: try serverContext()) { exchange in
            exchange.respond(HTTPResponse(status: .noContent), body: .none)
        }
        let silent = try (0..<2).map { _ in try RawClient(fixture, to: server.address) }
        _ = try #require(answer(try client(server))).get()
        #expect(silent.map(\.hasEnded) == [true, false] && server.server.handshakeCount == 1)
    }

    @Test func `Another certificate is shown to new connections, and those that are there stay`() throws {
        let server = try ServerFixture(fixture, tls: try serverContext()) { exchange in
            exchange.respond(HTTPResponse(status: .noContent), body: .none)
        }
        let client = try client(server)
        _ = try #require(answer(client)).get()
        let others = try CertificateAuthority.make(named: "o", key: try PrivateKey.make(), now: Clock.wallSeconds())
        let key = try PrivateKey.make()
        let certificate = try others.issue(
            try CertificateRequest.make(for: key),
            named: "x",
            .server(names: [], addresses: [[127, 0, 0, 1]]),
            now: Clock.wallSeconds(),
            lifetime: 3600
        )
        server.server.tls = try .server(
            try TLSIdentity(chain: [certificate], key: key),
            protocols: HTTPServer.protocols
        )
        _ = try #require(answer(client)).get()
        client.tls = try .client(trusting: .authorities(pem: try authority.certificate.pem()))
        guard case .failure(.insecure)? = answer(client) else {
            Issue.record("the former certificate is still shown")
            return
        }
        client.tls = try .client(trusting: .authorities(pem: try others.certificate.pem()))
        _ = try #require(answer(client)).get()
    }
}
