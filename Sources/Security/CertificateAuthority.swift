import COpenSSL

/// An authority of our own that vouches for central and its chassis.
public final class CertificateAuthority: Sendable {
    public enum Purpose: Sendable {
        case server(names: [String], addresses: [[UInt8]])
        case client(uris: [String])
    }

    /// The life of an authority's own certificate, in seconds: 20 years, longer than any installation.
    public static let lifetime: Int64 = 20 * 365 * 86_400
    /// The amount by which a certificate says that it holds earlier than it was made, in seconds: clocks of hosts may
    /// be a day behind, and central's own may go back.
    public static let backdating: Int64 = 86_400

    /// The authority's certificate, which signs itself.
    public let certificate: Certificate
    private let key: PrivateKey

    /// An authority that was kept.
    /// - Throws: if the key does not belong to the certificate.
    public init(certificate: Certificate, key: PrivateKey) throws(SecurityError) {
        ERR_clear_error()
        guard X509_check_private_key(certificate.raw, key.raw) == 1 else {
            throw .last("the key does not belong to the certificate")
        }
        self.certificate = certificate
        self.key = key
    }

    /// A new authority.
    /// - Parameter now: seconds since 1970.
    public static func make(
        named name: String,
        key: PrivateKey,
        now: Int64
    ) throws(SecurityError) -> CertificateAuthority {
        let draft = try Draft(name: name, from: now - backdating, until: now + lifetime)
        guard X509_set_issuer_name(draft.raw, X509_get_subject_name(draft.raw)) == 1,
            X509_set_pubkey(draft.raw, key.raw) == 1
        else { throw .last("cannot make an authority") }
        try draft.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
        try draft.add(NID_key_usage, "critical,keyCertSign,cRLSign")
        try draft.add(NID_subject_key_identifier, "hash")
        return try CertificateAuthority(certificate: try draft.signed(by: key), key: key)
    }

    /// The part of a join token that names the authority: SHA-256 of the authority's public key.
    public var pin: [UInt8] { certificate.publicKeyHash }

    /// A certificate for the key of a request.
    /// - Parameters:
    ///   - name: the common name, for people.
    ///   - now: seconds since 1970.
    ///   - lifetime: in seconds.
    public func issue(
        _ request: CertificateRequest,
        named name: String,
        _ purpose: Purpose,
        now: Int64,
        lifetime: Int64
    ) throws(SecurityError) -> Certificate {
        ERR_clear_error()
        let start =
            switch purpose {
            case .server: now - Self.backdating
            // No more than its life, which its holder tells from these two times.
            case .client: now - min(Self.backdating, max(0, lifetime))
            }
        let draft = try Draft(name: name, from: start, until: now + lifetime)
        guard X509_set_issuer_name(draft.raw, X509_get_subject_name(certificate.raw)) == 1,
            X509_set_pubkey(draft.raw, X509_REQ_get0_pubkey(request.raw)) == 1
        else { throw .last("cannot issue a certificate") }
        try draft.add(NID_basic_constraints, "critical,CA:FALSE")
        try draft.add(NID_key_usage, "critical,digitalSignature")
        switch purpose {
        case .server(let names, let addresses):
            try draft.add(NID_ext_key_usage, "serverAuth")
            try draft.addNames(names.map { (GEN_DNS, Array($0.utf8)) } + addresses.map { (GEN_IPADD, $0) })
        case .client(let uris):
            try draft.add(NID_ext_key_usage, "clientAuth")
            try draft.addNames(uris.map { (GEN_URI, Array($0.utf8)) })
        }
        try draft.add(NID_authority_key_identifier, "keyid", issuer: certificate)
        return try draft.signed(by: key)
    }
}

/// A certificate in the making.
private final class Draft {
    let raw: OpaquePointer

    init(name: String, from start: Int64, until end: Int64) throws(SecurityError) {
        guard let raw = X509_new() else { throw .last("no memory") }
        self.raw = raw
        // A random number of 159 bits: unique without a count to keep (RFC 5280 section 4.1.2.2).
        guard let number = BN_new() else { throw .last("no memory") }
        defer { BN_free(number) }
        guard X509_set_version(raw, 2) == 1, BN_rand(number, 159, 0, 0) == 1,
            BN_to_ASN1_INTEGER(number, X509_get_serialNumber(raw)) != nil,
            ASN1_TIME_set(X509_getm_notBefore(raw), Int(start)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(raw), Int(end)) != nil
        else { throw .last("cannot make a certificate") }
        // The upper bound of a common name (RFC 5280 appendix A.1); the names that count are elsewhere.
        let text = Array(name.utf8.prefix(64))
        let added = X509_NAME_add_entry_by_NID(
            X509_get_subject_name(raw),
            NID_commonName,
            MBSTRING_UTF8,
            text,
            Int32(text.count),
            -1,
            0
        )
        guard added == 1 else { throw .last("cannot name a certificate") }
    }

    deinit { X509_free(raw) }

    func add(_ kind: Int32, _ value: String, issuer: Certificate? = nil) throws(SecurityError) {
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer?.raw ?? raw, raw, nil, nil, 0)
        guard let new = X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw .last(value) }
        defer { X509_EXTENSION_free(new) }
        guard X509_add_ext(raw, new, -1) == 1 else { throw .last(value) }
    }

    func addNames(_ names: [(type: Int32, value: [UInt8])]) throws(SecurityError) {
        guard !names.isEmpty else { return }
        guard let list = GENERAL_NAMES_new() else { throw .last("no memory") }
        defer { GENERAL_NAMES_free(list) }
        for name in names {
            guard copenssl_add_name(list, name.type, name.value, Int32(name.value.count)) == 1 else {
                throw .last("no memory")
            }
        }
        guard X509_add1_ext_i2d(raw, NID_subject_alt_name, UnsafeMutableRawPointer(list), 0, 0) == 1 else {
            throw .last("cannot name a certificate")
        }
    }

    func signed(by key: PrivateKey) throws(SecurityError) -> Certificate {
        guard X509_sign(raw, key.raw, EVP_sha256()) > 0 else { throw .last("cannot sign a certificate") }
        return Certificate(sharing: raw)
    }
}
