import COpenSSL

/// SHA-1 (FIPS 180-4) by OpenSSL, as files of others have it: against faults, never against people.
public enum SHA1 {
    public static let byteCount = 20

    /// The hash of some octets.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        // This can only fail for want of memory; then the hash stays zero and matches nothing.
        var hash = [UInt8](repeating: 0, count: byteCount)
        _ = bytes.withUnsafeBytes { EVP_Digest($0.baseAddress, $0.count, &hash, nil, EVP_sha1(), nil) }
        return hash
    }
}
