import Security

/// The proof that this host is a chassis: a key, a certificate, and the authority by which central is trusted.
struct Membership: Sendable {
    /// The id of the token that it joined with.
    let token: String
    /// The chassis' certificate and its key.
    let identity: TLSIdentity
    /// Central's authority; several while one takes over from another.
    let authorities: [Certificate]

    /// The membership that a request with this key has brought.
    init(token: String, key: PrivateKey, certificate: [UInt8], authority: [UInt8]) throws(SecurityError) {
        authorities = try Certificate.list(pem: authority)
        guard let leaf = try Certificate.list(pem: certificate).first, !authorities.isEmpty else {
            throw SecurityError("no certificate")
        }
        self.token = token
        identity = try TLSIdentity(chain: [leaf], key: key)
    }

    /// Returns the TLS configuration of connections to central.
    func context() throws(SecurityError) -> TLSContext {
        try .client(trusting: .authorities(pem: try authoritiesPEM()), identity: identity)
    }

    private func authoritiesPEM() throws(SecurityError) -> [UInt8] {
        var text: [UInt8] = []
        for authority in authorities { text += try authority.pem() }
        return text
    }

    var certificate: Certificate { identity.chain[0] }
}

extension Membership {
    private static let title = "Joined with the token "

    /// One file holds all, so that a crash leaves the former membership or the next one: a line that names the token,
    /// then key, certificate and authorities in PEM.
    init(fileBytes bytes: [UInt8]) throws(SecurityError) {
        let certificates = try Certificate.list(pem: bytes)
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        guard certificates.count >= 2, line.hasPrefix(Self.title) else { throw SecurityError("it is incomplete") }
        token = String(line.dropFirst(Self.title.count))
        identity = try TLSIdentity(chain: [certificates[0]], key: try PrivateKey(pem: bytes))
        authorities = Array(certificates.dropFirst())
    }

    func fileBytes() throws(SecurityError) -> [UInt8] {
        try Array("\(Self.title)\(token)\n".utf8) + identity.key.pem() + certificate.pem() + authoritiesPEM()
    }
}

extension StateDirectory {
    private var membershipFile: String { "\(path)/membership.pem" }

    /// The membership as it was kept; `nil` if this host has not joined.
    func membership() throws(AgentFailure) -> Membership? {
        guard let bytes = try read(membershipFile) else { return nil }
        do throws(SecurityError) {
            return try Membership(fileBytes: bytes)
        } catch {
            throw AgentFailure("\(membershipFile) cannot be used: \(error); restore it, or remove it and join again")
        }
    }

    /// Saves the membership, for its owner only.
    func save(_ membership: Membership) throws(AgentFailure) {
        let bytes: [UInt8]
        do throws(SecurityError) {
            bytes = try membership.fileBytes()
        } catch {
            throw AgentFailure("cannot save the certificate: \(error)")
        }
        if let failure = save(bytes, to: membershipFile) {
            throw AgentFailure("cannot save the certificate: \(failure)")
        }
    }
}
