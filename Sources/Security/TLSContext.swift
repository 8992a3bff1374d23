import COpenSSL

/// A certificate with the chain above it and the private key below it: what one side of TLS shows of itself.
public struct TLSIdentity: Sendable {
    /// The certificate itself, then those that lead from it to an authority.
    public let chain: [Certificate]
    public let key: PrivateKey

    /// An identity.
    /// - Throws: if the key is not that of the first certificate.
    public init(chain: [Certificate], key: PrivateKey) throws(SecurityError) {
        ERR_clear_error()
        guard let first = chain.first, X509_check_private_key(first.raw, key.raw) == 1 else {
            throw .last("the key does not belong to the certificate")
        }
        self.chain = chain
        self.key = key
    }
}

/// The authorities that a client of TLS trusts.
public enum TLSTrust: Equatable, Sendable {
    /// The authorities that this machine trusts.
    case system
    /// These authorities, in PEM.
    case authorities(pem: [UInt8])
    /// The authority whose public key has this hash; it must be in the chain that the server sends.
    case pin([UInt8])
}

/// The configuration that many TLS connections share. It never changes; another certificate makes another context, and
/// connections that are there keep theirs.
///
/// TLS 1.2 and 1.3 with forward secrecy, no compression, no renegotiation. No session is resumed: a resumed one would
/// skip the look at the client's certificate, connections last for hours, and there is no ticket key to rotate.
public final class TLSContext: @unchecked Sendable {
    // SSL_CTX is safe to share between threads once it is set up.
    let raw: OpaquePointer
    let pin: [UInt8]?
    let isServer: Bool
    /// The protocols on offer (RFC 7301) as they go over the wire, the best first.
    let protocols: [UInt8]

    private init(isServer: Bool, protocols: [String], pin: [UInt8]? = nil) throws(SecurityError) {
        ERR_clear_error()
        guard let raw = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw .last("cannot use TLS")
        }
        self.raw = raw
        self.isServer = isServer
        self.pin = pin
        self.protocols = protocols.flatMap { [UInt8(clamping: $0.utf8.count)] + Array($0.utf8) }
        guard copenssl_harden(raw) == 1 else { throw .last("cannot use TLS") }
    }

    deinit { SSL_CTX_free(raw) }

    /// A server's side.
    /// - Parameters:
    ///   - protocols: what it speaks (ALPN), the best first; a client that speaks none of them is turned away, one
    ///     that does not say gets a connection without a protocol.
    ///   - clientAuthorities: whose certificates clients may show; without any, none is asked for. A client may still
    ///     come without one, and with one whose time is over: see ``TLSSession/peerCertificate``.
    public static func server(
        _ identity: TLSIdentity,
        protocols: [String],
        clientAuthorities: [Certificate] = []
    ) throws(SecurityError) -> TLSContext {
        let context = try TLSContext(isServer: true, protocols: protocols)
        try context.show(identity)
        for authority in clientAuthorities {
            guard X509_STORE_add_cert(SSL_CTX_get_cert_store(context.raw), authority.raw) == 1,
                SSL_CTX_add_client_CA(context.raw, authority.raw) == 1
            else { throw .last("cannot trust the authority") }
        }
        if !clientAuthorities.isEmpty { copenssl_ask_for_certificate(context.raw) }
        // The session that calls has a reference to the context, which is so there.
        SSL_CTX_set_alpn_select_cb(context.raw, chooseProtocol, Unmanaged.passUnretained(context).toOpaque())
        return context
    }

    /// A client's side.
    /// - Parameter identity: what it shows of itself if the server asks for it.
    public static func client(
        trusting trust: TLSTrust,
        identity: TLSIdentity? = nil,
        protocols: [String] = ["http/1.1"]
    ) throws(SecurityError) -> TLSContext {
        var pin: [UInt8]?
        if case .pin(let hash) = trust { pin = hash }
        let context = try TLSContext(isServer: false, protocols: protocols, pin: pin)
        switch trust {
        case .system:
            guard SSL_CTX_set_default_verify_paths(context.raw) == 1 else { throw .last("cannot read the authorities") }
        case .authorities(let pem):
            for authority in try Certificate.list(pem: pem) {
                guard X509_STORE_add_cert(SSL_CTX_get_cert_store(context.raw), authority.raw) == 1 else {
                    throw .last("cannot trust the authority")
                }
            }
        case .pin: break
        }
        // With a pin the chain is checked once it is there, before anything is said.
        SSL_CTX_set_verify(context.raw, pin == nil ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let identity { try context.show(identity) }
        _ = context.protocols.withUnsafeBufferPointer {
            SSL_CTX_set_alpn_protos(context.raw, $0.baseAddress, UInt32($0.count))
        }
        return context
    }

    private func show(_ identity: TLSIdentity) throws(SecurityError) {
        guard let first = identity.chain.first, SSL_CTX_use_certificate(raw, first.raw) == 1,
            SSL_CTX_use_PrivateKey(raw, identity.key.raw) == 1
        else { throw .last("cannot use the certificate") }
        for above in identity.chain.dropFirst() {
            guard copenssl_add_to_chain(raw, above.raw) == 1 else { throw .last("cannot use the chain") }
        }
    }
}

/// Takes the first protocol of ours that the client has too (RFC 7301 section 3.2).
private let chooseProtocol: SSL_CTX_alpn_select_cb_func = { _, out, outCount, theirs, theirCount, argument in
    guard let argument, let out, let outCount else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
    return context.protocols.withUnsafeBufferPointer { ours in
        var chosen: UnsafeMutablePointer<UInt8>?
        let outcome = SSL_select_next_proto(
            &chosen,
            outCount,
            ours.baseAddress,
            UInt32(ours.count),
            theirs,
            theirCount
        )
        guard outcome == OPENSSL_NPN_NEGOTIATED, let chosen else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        // It points into our list, which lives as long as the context.
        out.pointee = UnsafePointer(chosen)
        return SSL_TLSEXT_ERR_OK
    }
}
