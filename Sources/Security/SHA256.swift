import COpenSSL

/// SHA-256 (FIPS 180-4) by OpenSSL.
public enum SHA256 {
    public static let byteCount = 32

    /// The hash of nothing before: where every chain begins.
    public static let zero = [UInt8](repeating: 0, count: byteCount)

    /// OpenSSL's algorithm, fetched once: a fetch takes locks, and a start makes hundreds of thousands of hashes.
    private struct Algorithm: @unchecked Sendable {
        static let fetched = Algorithm(handle: EVP_MD_fetch(nil, "SHA256", nil))
        /// Never changes, and is counted by OpenSSL with atomic operations.
        let handle: OpaquePointer?
    }

    /// The hash of the parts, one after another.
    public static func hash(_ parts: [[UInt8]]) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        // These calls can only fail for want of memory; then the hash stays zero, matches nothing, and is refused.
        var hash = zero
        guard EVP_DigestInit_ex(context, Algorithm.fetched.handle, nil) == 1 else { return hash }
        for part in parts {
            let updated = part.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
            guard updated == 1 || part.isEmpty else { return hash }
        }
        _ = EVP_DigestFinal_ex(context, &hash, nil)
        return hash
    }
}
