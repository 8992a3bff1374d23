import Southbound
import Wire

/// The place of a commit in the chain of hashes: evidence of the whole history up to it.
///
/// The first eight octets of the chain's SHA-256. Two histories of one epoch that differ anywhere up to a revision have
/// different hashes there, so (epoch, revision, hash) names one state also after a disk or a backup went back in time.
/// It is evidence against accidents; nobody gains anything by a collision.
public struct CommitHash: Hashable, Sendable, CustomStringConvertible {
    /// The octets as a number, the most significant first; 0 before the first commit.
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The hash that a chain's SHA-256 begins with.
    public init(chain: [UInt8]) { rawValue = chain.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Sixteen hexadecimal digits; anything else is `nil`.
    public init?(_ text: String) {
        guard let value = epochValue(text) else { return nil }
        rawValue = value
    }

    /// Sixteen hexadecimal digits.
    public var description: String { hexadecimal(rawValue) }

    /// The hash before the first commit of a log.
    public static let zero = CommitHash(rawValue: 0)
}
