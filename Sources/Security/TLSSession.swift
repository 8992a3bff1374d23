import COpenSSL
import Glibc

/// TLS over one connected, non-blocking socket, which stays its owner's. For one thread.
public final class TLSSession {
    /// The result of a call.
    public enum Outcome: Equatable, Sendable {
        /// It is done, with so many bytes.
        case done(Int)
        /// It goes on when the socket can be read.
        case wantsRead
        /// It goes on when the socket can be written.
        case wantsWrite
        /// The other side has ended its stream in order.
        case end
    }

    /// The most bytes of one record: a read with less room than this may leave some of one behind, which no poll of
    /// the socket tells.
    public static let recordByteCountMaximum = 16 << 10

    private static let socketMethod = UnsafeSendable(copenssl_socket_method())

    private let raw: OpaquePointer
    // The session's callbacks use it.
    private let context: TLSContext
    private let host: String?
    private var isSecure = false
    private var hasFailed = false

    /// - Parameters:
    ///   - socket: must stay open as long as this object lives.
    ///   - host: the name or address that a server must be; of no interest on a server's side.
    public init(_ context: TLSContext, socket: Int32, host: String? = nil) throws(SecurityError) {
        ERR_clear_error()
        guard let raw = SSL_new(context.raw) else { throw .last("no memory") }
        guard let bio = copenssl_socket_bio(Self.socketMethod.value, socket) else {
            SSL_free(raw)
            throw .last("no memory")
        }
        SSL_set_bio(raw, bio, bio)
        self.raw = raw
        self.context = context
        self.host = host
        if context.isServer {
            SSL_set_accept_state(raw)
        } else {
            SSL_set_connect_state(raw)
            if let host { try expect(host, by: SSL_get0_param(raw)) }
        }
    }

    deinit {
        // Says the end if that is possible at once; the other side need not be there any more.
        if isSecure, !hasFailed { endWrites() }
        SSL_free(raw)
    }

    /// Goes on with the handshake.
    /// - Throws: the reason why there is none: the session is then of no use.
    public func handshake() throws(SecurityError) -> Outcome {
        ERR_clear_error()
        let result = SSL_do_handshake(raw)
        guard result == 1 else { return try outcome(of: result) }
        if let pin = context.pin { try verifyChain(upTo: pin) }
        isSecure = true
        return .done(0)
    }

    /// Reads what there is, up to the buffer's end. The handshake is to be done.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SecurityError) -> Outcome {
        var total = 0
        while total == 0 || buffer.count - total >= Self.recordByteCountMaximum {
            ERR_clear_error()
            var count = 0
            let result = SSL_read_ex(raw, buffer.baseAddress?.advanced(by: total), buffer.count - total, &count)
            if result == 1 {
                total += count
                continue
            }
            // The next call meets the same obstacle again.
            if total > 0 { return .done(total) }
            return try outcome(of: result)
        }
        return .done(total)
    }

    /// Writes bytes, maybe not all of them. After `wantsWrite` or `wantsRead` the same bytes must come again.
    public func write(_ buffer: UnsafeRawBufferPointer) throws(SecurityError) -> Outcome {
        guard !buffer.isEmpty else { return .done(0) }
        ERR_clear_error()
        var count = 0
        let result = SSL_write_ex(raw, buffer.baseAddress, buffer.count, &count)
        return result == 1 ? .done(count) : try outcome(of: result)
    }

    /// Says that nothing more will be written (close_notify); reading goes on. May be repeated.
    public func endWrites() {
        ERR_clear_error()
        SSL_shutdown(raw)
        ERR_clear_error()
    }

    /// True if a read has left a part of a record behind.
    public var hasUnreadBytes: Bool { SSL_pending(raw) > 0 }

    /// The protocol that both sides have agreed on (ALPN); `nil` if the client named none.
    public var applicationProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(raw, &start, &count)
        guard count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// The certificate that the other side has shown, and that was found good but for its time, which may be over.
    public var peerCertificate: Certificate? { SSL_get1_peer_certificate(raw).map { Certificate(owning: $0) } }

    /// The version that was agreed on: `TLSv1.3`.
    public var version: String { String(cString: SSL_get_version(raw)) }

    private func outcome(of result: Int32) throws(SecurityError) -> Outcome {
        switch SSL_get_error(raw, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .end
        default:
            hasFailed = true
            let judgement = SSL_get_verify_result(raw)
            if !context.isServer, !isSecure, judgement != Int(X509_V_OK) {
                ERR_clear_error()
                let isEarly = judgement == Int(X509_V_ERR_CERT_NOT_YET_VALID)
                let hint = isEarly ? ": this host's clock may be behind" : ""
                throw SecurityError(String(cString: X509_verify_cert_error_string(judgement)) + hint)
            }
            throw .last(ERR_peek_last_error() == 0 ? "the connection was broken" : "")
        }
    }

    private func expect(_ host: String, by parameters: OpaquePointer?) throws(SecurityError) {
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return }
        ERR_clear_error()
        guard X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1, copenssl_set_server_name(raw, host) == 1 else {
            throw .last("\"\(host)\" cannot be a server's name")
        }
    }

    /// The amount by which this host's clock is behind the one that a certificate of central's own was made by.
    private static func lateness(of leaf: Certificate) -> String {
        let seconds = leaf.notBefore &+ CertificateAuthority.backdating &- Int64(time(nil))
        guard seconds > 0 else { return "" }
        let text = seconds < 172_800 ? "\(seconds / 3600) h" : "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        return ": this host's clock is \(text) behind central's, or more; set it, as with 'timedatectl'"
    }

    /// Checks the server's certificate against that authority of its chain which the pin names.
    private func verifyChain(upTo pin: [UInt8]) throws(SecurityError) {
        hasFailed = true
        let chain = SSL_get_peer_cert_chain(raw)
        let authority = (0..<max(0, copenssl_chain_count(chain))).lazy
            .compactMap { copenssl_chain_element(chain, $0) }
            .map { Certificate(sharing: $0) }
            .first { $0.publicKeyHash == pin }
        guard let authority, let leaf = peerCertificate else {
            throw SecurityError("its authority does not match the pin")
        }
        guard let store = X509_STORE_new(), let check = X509_STORE_CTX_new() else { throw .last("no memory") }
        defer {
            X509_STORE_CTX_free(check)
            X509_STORE_free(store)
        }
        guard X509_STORE_add_cert(store, authority.raw) == 1,
            X509_STORE_CTX_init(check, store, leaf.raw, chain) == 1,
            X509_STORE_CTX_set_default(check, "ssl_server") == 1
        else { throw .last("no memory") }
        if let host { try expect(host, by: X509_STORE_CTX_get0_param(check)) }
        guard X509_verify_cert(check) == 1 else {
            let judgement = Int(X509_STORE_CTX_get_error(check))
            let hint = judgement == Int(X509_V_ERR_CERT_NOT_YET_VALID) ? Self.lateness(of: leaf) : ""
            throw SecurityError(String(cString: X509_verify_cert_error_string(judgement)) + hint)
        }
        hasFailed = false
    }
}

/// A pointer that is made once and only read after that.
private struct UnsafeSendable<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
