import COpenSSL

/// A key pair of X25519 (RFC 7748), by which two sides have a secret that nobody knows who has only seen their public
/// keys.
public struct KeyAgreement: @unchecked Sendable {
    /// The octets of a private key, of a public one, and of a secret.
    public static let byteCount = 32

    /// The private key, to be kept from everybody else.
    public let privateKey: [UInt8]
    public let publicKey: [UInt8]

    public init() throws(SecurityError) {
        var octets = [UInt8](repeating: 0, count: Self.byteCount)
        guard RAND_bytes(&octets, Int32(octets.count)) == 1 else { throw .last("no random octets") }
        try self.init(privateKey: octets)
    }

    public init(privateKey: [UInt8]) throws(SecurityError) {
        let key = try Self.key(ofPrivate: privateKey)
        defer { EVP_PKEY_free(key) }
        var octets = [UInt8](repeating: 0, count: Self.byteCount)
        var count = octets.count
        guard EVP_PKEY_get_raw_public_key(key, &octets, &count) == 1, count == Self.byteCount else {
            throw .last("no public key")
        }
        self.privateKey = privateKey
        publicKey = octets
    }

    /// A secret of this pair and of who has the other public key: a hash (SHA-256) of what both compute, of a purpose
    /// and of both public keys.
    /// - Throws: if the public key is none, or one of those with which every secret is the same.
    public func secret(with other: [UInt8], for purpose: String) throws(SecurityError) -> [UInt8] {
        let own = try Self.key(ofPrivate: privateKey)
        defer { EVP_PKEY_free(own) }
        guard let peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, other, other.count) else {
            throw .last("no public key of X25519")
        }
        defer { EVP_PKEY_free(peer) }
        let context = EVP_PKEY_CTX_new(own, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var shared = [UInt8](repeating: 0, count: Self.byteCount)
        var count = shared.count
        guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, peer) == 1,
            EVP_PKEY_derive(context, &shared, &count) == 1, count == Self.byteCount
        else { throw .last("no secret with that public key") }
        let keys = [publicKey, other].sorted { $0.lexicographicallyPrecedes($1) }
        return SHA256.hash([Array(purpose.utf8), shared] + keys)
    }

    private static func key(ofPrivate octets: [UInt8]) throws(SecurityError) -> OpaquePointer {
        ERR_clear_error()
        guard octets.count == byteCount,
            let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, octets, octets.count)
        else { throw .last("no private key of X25519") }
        return key
    }
}
