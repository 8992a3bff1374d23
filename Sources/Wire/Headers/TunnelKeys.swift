/// OVN's Geneve option: which logical port a frame comes from and where it goes
/// (ovn-architecture(7), "Tunnel Encapsulations").
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |     option class = 0x0102     |  type = 0x80  |0|0|0| len = 1 |
///     |0|         ingress key         |          egress key           |
public struct TunnelKeys: Hashable, Sendable {
    /// The key of the port that the frame came from: 1 ... 32767.
    public var ingress: UInt16
    /// The key of the port (1 ... 32767) or multicast group (32768 ...) that the frame goes to.
    public var egress: UInt16

    /// OVN's option class.
    public static let optionClass: UInt16 = 0x0102
    /// OVN's option type; the critical bit is set.
    public static let optionType: UInt8 = 0x80
    /// The size in octets, with the option's header.
    public static let byteCount = 8

    public init(ingress: UInt16, egress: UInt16) {
        self.ingress = ingress
        self.egress = egress
    }

    /// The option that `bytes` start with.
    /// - Throws: `truncated`; `unsupportedType` for another option; `badLength` if its data are not one word or
    ///   the reserved bit is set.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        let option = try GeneveOption(parsing: bytes)
        guard option.optionClass == Self.optionClass, option.type == Self.optionType else { throw .unsupportedType }
        guard option.dataByteCount == 4 else { throw .badLength }
        let keys = bytes.integer32(at: GeneveOption.headerByteCount)
        guard keys >> 31 == 0 else { throw .badLength }
        self.init(ingress: UInt16(keys >> 16), egress: UInt16(keys & 0xffff))
    }

    /// Writes the option to the start of `bytes`, which must have room for 8 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        GeneveOption(optionClass: Self.optionClass, type: Self.optionType, dataByteCount: 4).write(to: &bytes)
        bytes.store(UInt32(ingress & 0x7fff) << 16 | UInt32(egress), at: GeneveOption.headerByteCount)
    }
}
