import COpenSSL

/// An X.509 certificate (RFC 5280).
public final class Certificate: @unchecked Sendable {
    // Never changed after it was made; OpenSSL counts references atomically.
    let raw: OpaquePointer

    /// Takes over a reference.
    init(owning raw: OpaquePointer) { self.raw = raw }

    /// Shares a certificate that OpenSSL holds.
    init(sharing raw: OpaquePointer) {
        X509_up_ref(raw)
        self.raw = raw
    }

    deinit { X509_free(raw) }

    /// The most certificates that are read from one text: a chain, or a bundle of authorities.
    public static let countMaximum = 1024

    /// The certificates in a text of PEM, in order; there is at least one.
    public static func list(pem: [UInt8]) throws(SecurityError) -> [Certificate] {
        let list = try withBIO(pem) { bio throws(SecurityError) in
            var list: [Certificate] = []
            while list.count < countMaximum, let raw = PEM_read_bio_X509(bio, nil, nil, nil) {
                list.append(Certificate(owning: raw))
            }
            ERR_clear_error()
            return list
        }
        guard !list.isEmpty else { throw SecurityError("no certificate in PEM") }
        return list
    }

    public func pem() throws(SecurityError) -> [UInt8] { try bytes { PEM_write_bio_X509($0, raw) == 1 } }

    /// When it begins to hold, in seconds since 1970.
    public var notBefore: Int64 { copenssl_seconds(X509_get0_notBefore(raw)) }

    /// When it ceases to hold, in seconds since 1970.
    public var notAfter: Int64 { copenssl_seconds(X509_get0_notAfter(raw)) }

    /// The URIs among its subject alternative names (RFC 5280 section 4.2.1.6), in order.
    public var uris: [String] {
        guard let names = X509_get_ext_d2i(raw, NID_subject_alt_name, nil, nil) else { return [] }
        let list = OpaquePointer(names)
        defer { GENERAL_NAMES_free(list) }
        var uris: [String] = []
        for index in 0..<max(0, copenssl_name_count(list)) {
            var count: Int32 = 0
            guard let start = copenssl_uri(list, index, &count), count > 0 else { continue }
            let bytes = UnsafeBufferPointer(start: start, count: Int(count))
            if let uri = String(validating: bytes, as: UTF8.self) { uris.append(uri) }
        }
        return uris
    }

    /// SHA-256 of its public key (SubjectPublicKeyInfo in DER): what a pin names (RFC 7469 section 2.4).
    public var publicKeyHash: [UInt8] {
        var pointer: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(raw), &pointer)
        guard count > 0, let pointer else { return SHA256.zero }
        defer { CRYPTO_free(pointer, #file, #line) }
        return SHA256.hash([Array(UnsafeBufferPointer(start: pointer, count: Int(count)))])
    }
}
