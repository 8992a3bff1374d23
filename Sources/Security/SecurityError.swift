import COpenSSL

/// The reason why a key, a certificate or a TLS connection is not what it has to be: one clause.
public struct SecurityError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The clause: `certificate has expired`.
    public let description: String

    public init(_ description: String) { self.description = description }

    /// The last error of OpenSSL in this thread, after `what` if there is one.
    static func last(_ what: String) -> SecurityError {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return SecurityError(what) }
        let reason = String(cString: text)
        return SecurityError(what.isEmpty ? reason : "\(what): \(reason)")
    }
}

/// The bytes that `write` puts into a memory BIO.
func bytes(_ write: (OpaquePointer) -> Bool) throws(SecurityError) -> [UInt8] {
    guard let bio = BIO_new(BIO_s_mem()) else { throw .last("no memory") }
    defer { BIO_free(bio) }
    guard write(bio) else { throw .last("") }
    var result = [UInt8](repeating: 0, count: BIO_ctrl_pending(bio))
    let count = BIO_read(bio, &result, Int32(clamping: result.count))
    guard count == result.count else { throw .last("") }
    return result
}

/// Calls `read` with a BIO over bytes.
func withBIO<Value>(
    _ bytes: [UInt8],
    _ read: (OpaquePointer) throws(SecurityError) -> Value
) throws(SecurityError) -> Value {
    ERR_clear_error()
    // BIO_new_mem_buf takes an empty buffer for an error.
    guard !bytes.isEmpty, bytes.count <= Int(Int32.max) else { throw SecurityError("it is empty") }
    return try bytes.withUnsafeBufferPointer { buffer throws(SecurityError) in
        guard let bio = BIO_new_mem_buf(buffer.baseAddress, Int32(buffer.count)) else { throw .last("no memory") }
        defer { BIO_free(bio) }
        return try read(bio)
    }
}
