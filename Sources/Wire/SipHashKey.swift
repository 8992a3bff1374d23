/// The key of a SipHash: 128 bits, as two little-endian words (`k0`, `k1` of the paper).
public struct SipHashKey: Hashable, Sendable {
    /// Its first eight octets.
    public var low: UInt64
    /// Its last eight octets.
    public var high: UInt64

    public init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }
}
