/// A part of the octets that a message was parsed from.
public struct OctetRange: Hashable, Sendable {
    /// The first octet.
    public var start: Int
    /// The number of octets.
    public var count: Int

    public init(start: Int, count: Int) {
        self.start = start
        self.count = count
    }

    /// Behind the last octet.
    public var end: Int { start &+ count }
}
