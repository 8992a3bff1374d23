import COpenSSL

/// A certificate signing request (RFC 2986): a public key, with the proof that its sender has the private one. What it
/// says of names is of no interest: the authority decides on these.
public final class CertificateRequest {
    /// The longest request that is read, in bytes of PEM: several times that of the largest RSA key in use.
    public static let byteCountMaximum = 16 << 10

    let raw: OpaquePointer

    private init(_ raw: OpaquePointer) { self.raw = raw }

    deinit { X509_REQ_free(raw) }

    public static func make(for key: PrivateKey) throws(SecurityError) -> CertificateRequest {
        ERR_clear_error()
        guard let raw = X509_REQ_new() else { throw .last("no memory") }
        let request = CertificateRequest(raw)
        guard X509_REQ_set_pubkey(raw, key.raw) == 1, X509_REQ_sign(raw, key.raw, EVP_sha256()) > 0 else {
            throw .last("cannot sign a request")
        }
        return request
    }

    /// Reads a request in PEM and checks its signature and that its key is strong enough: P-256 or better, RSA of
    /// 2048 bits or more.
    public convenience init(pem: [UInt8]) throws(SecurityError) {
        guard pem.count <= Self.byteCountMaximum else {
            throw SecurityError("a request has at most \(Self.byteCountMaximum) bytes")
        }
        let raw = try withBIO(pem) { bio throws(SecurityError) in
            guard let raw = PEM_read_bio_X509_REQ(bio, nil, nil, nil) else {
                throw .last("no certificate signing request in PEM")
            }
            return raw
        }
        self.init(raw)
        guard let key = X509_REQ_get0_pubkey(raw), X509_REQ_verify(raw, key) == 1 else {
            throw .last("its signature was not made with its key")
        }
        guard EVP_PKEY_get_security_bits(key) >= 112 else { throw SecurityError("its key is too weak") }
    }

    public func pem() throws(SecurityError) -> [UInt8] { try bytes { PEM_write_bio_X509_REQ($0, raw) == 1 } }
}
