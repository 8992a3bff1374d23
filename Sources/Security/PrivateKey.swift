import COpenSSL

/// A private key. Those that are made here are of the curve P-256; a user's own may be any that OpenSSL reads.
public final class PrivateKey: @unchecked Sendable {
    // Never changed after it was made; OpenSSL counts references atomically.
    let raw: OpaquePointer

    private init(_ raw: OpaquePointer) { self.raw = raw }

    deinit { EVP_PKEY_free(raw) }

    public static func make() throws(SecurityError) -> PrivateKey {
        ERR_clear_error()
        guard let raw = copenssl_new_p256_key() else { throw .last("cannot make a key") }
        return PrivateKey(raw)
    }

    /// Reads a key without a passphrase, in PEM.
    public convenience init(pem: [UInt8]) throws(SecurityError) {
        let raw = try withBIO(pem) { bio throws(SecurityError) in
            // Without a callback OpenSSL would ask the terminal for the passphrase.
            guard let raw = PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil) else {
                throw .last("no private key in PEM without a passphrase")
            }
            return raw
        }
        self.init(raw)
    }

    /// The key as PEM (PKCS #8), for a file that only its owner may read.
    public func pem() throws(SecurityError) -> [UInt8] {
        try bytes { PEM_write_bio_PrivateKey($0, raw, nil, nil, 0, nil, nil) == 1 }
    }
}
