import Glibc
import Testing

@testable import Security

@Suite struct TLSSessionTests {
    let ours: Authority
    let others: Authority

    init() throws {
        ours = try Authority()
        others = try Authority()
    }

    @Test func `Both sides speak TLS 1.3 and hear each other's end`() throws {
        let pair = try Pair(try ours.server(), try .client(trusting: try ours.trust))
        try pair.shakeHands()
        #expect(pair.client.version == "TLSv1.3" && pair.server.applicationProtocol == "http/1.1")
        #expect(try Pair.carry("ping", from: pair.client, to: pair.server) == "ping")
        #expect(try Pair.carry("pong", from: pair.server, to: pair.client) == "pong")
        var byte: [UInt8] = [0]
        #expect(try byte.withUnsafeMutableBytes { try pair.server.read(into: $0) } == .wantsRead)
        pair.client.endWrites()
        #expect(try byte.withUnsafeMutableBytes { try pair.server.read(into: $0) } == .end)
        #expect(try Pair.carry("still here", from: pair.server, to: pair.client) == "still here")
    }

    @Test func `A read takes all that is there, so that a poll of the socket misses nothing`() throws {
        let pair = try Pair(try ours.server(), try .client(trusting: try ours.trust))
        try pair.shakeHands()
        let bytes = [UInt8](repeating: 7, count: 40_000)
        var sent = 0
        while sent < bytes.count, case .done(let count) = try bytes[sent...].withUnsafeBytes(pair.client.write) {
            sent += count
        }
        #expect(sent == bytes.count)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        #expect(try buffer.withUnsafeMutableBytes { try pair.server.read(into: $0) } == .done(bytes.count))
    }

    @Test func `A stranger's server is refused, and one under another name`() throws {
        let stranger = try Pair(try others.server(), try .client(trusting: try ours.trust))
        #expect(throws: SecurityError.self) { try stranger.shakeHands() }
        let misnamed = try Pair(try ours.server(), try .client(trusting: try ours.trust), host: "other.test")
        let error = #expect(throws: SecurityError.self) { try misnamed.shakeHands() }
        #expect(error?.description.lowercased().contains("hostname mismatch") == true)
        let address = try Pair(try ours.server(), try .client(trusting: try ours.trust), host: "127.0.0.1")
        try address.shakeHands()
        let elsewhere = try Pair(try ours.server(), try .client(trusting: try ours.trust), host: "127.0.0.2")
        let mismatch = #expect(throws: SecurityError.self) { try elsewhere.shakeHands() }
        #expect(mismatch?.description.lowercased().contains("ip address mismatch") == true)
    }

    @Test func `A pin stands for the authority, and the name still has to be right`() throws {
        let pin = TLSTrust.pin(ours.authority.pin)
        try Pair(try ours.server(), try .client(trusting: pin)).shakeHands()
        for (server, host) in [(others, "central.test"), (ours, "other.test")] {
            let pair = try Pair(try server.server(), try .client(trusting: pin), host: host)
            #expect(throws: SecurityError.self) { try pair.shakeHands() }
        }
    }

    @Test func `The pin of the server's own key does not make it an authority`() throws {
        let forger = try others.identity(.server(names: ["central.test"], addresses: []))
        let chain = [forger.chain[0], ours.authority.certificate]
        let server = try TLSContext.server(try TLSIdentity(chain: chain, key: forger.key), protocols: [])
        let pair = try Pair(server, try .client(trusting: .pin(ours.authority.pin)))
        #expect(throws: SecurityError.self) { try pair.shakeHands() }
    }

    @Test func `A server learns what the client's certificate says, or that there is none`() throws {
        let server = try ours.server(asksClients: true)
        let identity = try ours.identity(.client(uris: ["urn:x:1", "urn:x:2"]))
        let known = try Pair(server, try .client(trusting: try ours.trust, identity: identity))
        try known.shakeHands()
        #expect(known.server.peerCertificate?.uris == ["urn:x:1", "urn:x:2"])
        let unknown = try Pair(server, try .client(trusting: try ours.trust))
        try unknown.shakeHands()
        #expect(unknown.server.peerCertificate == nil)
    }

    @Test func `Client certificates of strangers and for servers are refused; of ours that are too old are told`()
        throws
    {
        let server = try ours.server(asksClients: true)
        let foreign = try others.identity(.client(uris: ["urn:x:1"]))
        let misused = try ours.identity(.server(names: ["x"], addresses: []))
        for identity in [foreign, misused] {
            let pair = try Pair(server, try .client(trusting: try ours.trust, identity: identity))
            #expect(throws: SecurityError.self) { try pair.shakeHands() }
        }
        let old = try ours.identity(.client(uris: ["urn:x:1"]), lifetime: -10)
        let pair = try Pair(server, try .client(trusting: try ours.trust, identity: old))
        try pair.shakeHands()
        #expect(try #require(pair.server.peerCertificate).notAfter < now)
    }

    @Test func `A client's certificate from what is the future now gets in, as its owner has joined`() throws {
        let server = try ours.server(asksClients: true)
        // Central's clock was hours or days ahead when it was made, and is right again.
        for ahead in [3600, 17 * 3600, 30 * 86_400] as [Int64] {
            let early = try ours.identity(.client(uris: ["urn:x:1"]), lifetime: 86_400, madeAt: now + ahead)
            let pair = try Pair(server, try .client(trusting: try ours.trust, identity: early))
            try pair.shakeHands()
            #expect(pair.server.peerCertificate?.uris == ["urn:x:1"])
        }
        let foreign = try others.identity(.client(uris: ["urn:x:1"]), madeAt: now + 30 * 86_400)
        let pair = try Pair(server, try .client(trusting: try ours.trust, identity: foreign))
        #expect(throws: SecurityError.self) { try pair.shakeHands() }
    }

    @Test func `A host whose clock is behind hears by how much`() throws {
        let purpose = CertificateAuthority.Purpose.server(names: ["central.test"], addresses: [])
        // As if this host's clock were three days and a bit behind central's.
        let identity = try ours.identity(purpose, madeAt: now + 3 * 86_400 + 4000)
        let server = try TLSContext.server(identity, protocols: ["http/1.1"])
        let joining = try Pair(server, try .client(trusting: .pin(ours.authority.pin)))
        let error = #expect(throws: SecurityError.self) { try joining.shakeHands() }
        #expect(
            error?.description.contains("this host's clock is 3 d 1 h behind central's, or more") == true,
            "\(String(describing: error))"
        )
        let joined = try Pair(server, try .client(trusting: try ours.trust))
        let other = #expect(throws: SecurityError.self) { try joined.shakeHands() }
        #expect(
            other?.description.hasSuffix("not yet valid: this host's clock may be behind") == true,
            "\(String(describing: other))"
        )
    }

    @Test func `Certificates hold from a day before they are made, or from as long as they live`() throws {
        let client = try ours.identity(.client(uris: []), lifetime: 3 * 86_400).chain[0]
        #expect(client.notBefore == now - CertificateAuthority.backdating && client.notAfter == now + 3 * 86_400)
        let brief = try ours.identity(.client(uris: []), lifetime: 60).chain[0]
        #expect(brief.notBefore == now - 60 && brief.notAfter == now + 60)
    }

    @Test func `The server's best protocol that the client has is chosen; without a common one there is no connection`()
        throws
    {
        let server = try ours.server(protocols: ["h2", "http/1.1"])
        let pair = try Pair(server, try .client(trusting: try ours.trust, protocols: ["http/1.1", "h2"]))
        try pair.shakeHands()
        #expect(pair.server.applicationProtocol == "h2" && pair.client.applicationProtocol == "h2")
        let silent = try Pair(server, try .client(trusting: try ours.trust, protocols: []))
        try silent.shakeHands()
        #expect(silent.server.applicationProtocol == nil)
        let strange = try Pair(server, try .client(trusting: try ours.trust, protocols: ["smtp"]))
        #expect(throws: SecurityError.self) { try strange.shakeHands() }
    }

    @Test func `What is not TLS ends the handshake`() throws {
        var sockets: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &sockets) == 0)
        defer { for socket in sockets { close(socket) } }
        let server = try TLSSession(try ours.server(), socket: sockets[0])
        #expect(try server.handshake() == .wantsRead)
        let text = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        #expect(write(sockets[1], text, text.count) == text.count)
        #expect(throws: SecurityError("http request")) { try server.handshake() }
    }
}
