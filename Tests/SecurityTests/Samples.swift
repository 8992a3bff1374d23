import Glibc
import Testing

@testable import Security

/// The time of the tests' certificates: that of the machine, by which OpenSSL judges.
let now = Int64(time(nil))

/// An authority with a server and a client, as central makes them.
struct Authority {
    let authority: CertificateAuthority

    init() throws {
        authority = try CertificateAuthority.make(named: "test", key: try PrivateKey.make(), now: now)
    }

    func identity(
        _ purpose: CertificateAuthority.Purpose,
        lifetime: Int64 = 3600,
        madeAt time: Int64 = now
    ) throws -> TLSIdentity {
        let key = try PrivateKey.make()
        let request = try CertificateRequest.make(for: key)
        let certificate = try authority.issue(request, named: "x", purpose, now: time, lifetime: lifetime)
        return try TLSIdentity(chain: [certificate, authority.certificate], key: key)
    }

    func server(protocols: [String] = ["http/1.1"], asksClients: Bool = false) throws -> TLSContext {
        let identity = try identity(.server(names: ["central.test"], addresses: [[127, 0, 0, 1]]))
        return try .server(
            identity,
            protocols: protocols,
            clientAuthorities: asksClients ? [authority.certificate] : []
        )
    }

    var trust: TLSTrust { get throws { .authorities(pem: try authority.certificate.pem()) } }
}

/// Both sides of one TLS connection over a pair of sockets, in one thread.
final class Pair {
    private(set) var server: TLSSession!
    private(set) var client: TLSSession!
    private var sockets: [Int32] = [-1, -1]

    init(_ server: TLSContext, _ client: TLSContext, host: String? = "central.test") throws {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, kind, 0, &sockets) == 0)
        self.server = try TLSSession(server, socket: sockets[0])
        self.client = try TLSSession(client, socket: sockets[1], host: host)
    }

    deinit {
        // A session says its end: to the socket of another test if the number had been given away by then.
        (server, client) = (nil, nil)
        for socket in sockets { close(socket) }
    }

    /// Carries the handshake through.
    func shakeHands() throws {
        var isDone = (server: false, client: false)
        for _ in 0..<16 where !isDone.server || !isDone.client {
            if !isDone.client, try client.handshake() == .done(0) { isDone.client = true }
            if !isDone.server, try server.handshake() == .done(0) { isDone.server = true }
        }
        try #require(isDone.server && isDone.client)
    }

    /// Returns the text that one side reads of what the other writes.
    static func carry(_ text: String, from writer: TLSSession, to reader: TLSSession) throws -> String {
        let bytes = Array(text.utf8)
        try #require(try bytes.withUnsafeBytes { try writer.write($0) } == .done(bytes.count))
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        guard case .done(let count) = try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }) else {
            return ""
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
