/// An Ethernet II header with up to two VLAN tags (IEEE 802.3 clause 3, IEEE 802.1Q clause 9).
///
///     0               6              12      14
///     | destination    | source       | type  | payload
///     | destination    | source       | 8100  | TCI   | type  | payload
///     | destination    | source       | 88a8  | TCI   | 8100  | TCI | type | payload
///
/// A third tag is left to the payload: its TPID is then `etherType`.
public struct EthernetHeader: Hashable, Sendable {
    public var destination: MACAddress
    public var source: MACAddress
    public var outerTag: VLANTag?
    /// The second tag; only if there is a first.
    public var innerTag: VLANTag?
    /// The type of the payload; a value below 0x0600 is an 802.3 length.
    public var etherType: UInt16

    /// The size without tags, in octets.
    public static let untaggedByteCount = 14

    /// A header; an `innerTag` without an `outerTag` is written as the only tag.
    public init(
        destination: MACAddress,
        source: MACAddress,
        outerTag: VLANTag? = nil,
        innerTag: VLANTag? = nil,
        etherType: UInt16
    ) {
        self.destination = destination
        self.source = source
        self.outerTag = outerTag ?? innerTag
        self.innerTag = outerTag == nil ? nil : innerTag
        self.etherType = etherType
    }

    /// The size in octets: 14, 18 or 22.
    public var byteCount: Int {
        Self.untaggedByteCount + (outerTag == nil ? 0 : VLANTag.byteCount) + (innerTag == nil ? 0 : VLANTag.byteCount)
    }

    /// Writes the header to the start of `bytes`, which must have room for `byteCount` octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(destination, at: 0)
        bytes.store(source, at: 6)
        var offset = 12
        if let outerTag {
            outerTag.write(to: &bytes, at: offset)
            offset += VLANTag.byteCount
        }
        if let innerTag {
            innerTag.write(to: &bytes, at: offset)
            offset += VLANTag.byteCount
        }
        bytes.store(etherType, at: offset)
    }
}

/// The values of `EthernetHeader.etherType` that Heddle looks at (IANA, ieee-802-numbers).
public enum EtherType {
    /// Less is the length of an IEEE 802.3 frame.
    public static let minimum: UInt16 = 0x0600
    public static let ipv4: UInt16 = 0x0800
    public static let arp: UInt16 = 0x0806
    /// Reverse ARP, which hypervisors send for a guest that has moved.
    public static let rarp: UInt16 = 0x8035
    public static let ipv6: UInt16 = 0x86dd
    /// A customer VLAN tag, 802.1Q.
    public static let customerTag: UInt16 = 0x8100
    /// A service VLAN tag, 802.1ad.
    public static let serviceTag: UInt16 = 0x88a8
    /// An Ethernet frame inside a tunnel: "Transparent Ethernet Bridging".
    public static let transparentEthernet: UInt16 = 0x6558
}

/// One VLAN tag: its protocol identifier and the control information (IEEE 802.1Q clause 9.6).
///
///     | TPID 16 | PCP 3 | DEI 1 | VID 12 |
public struct VLANTag: Hashable, Sendable {
    /// `EtherType.customerTag` or `EtherType.serviceTag`.
    public var isService: Bool
    /// Priority (3 bits), drop eligibility (1 bit) and VLAN identifier (12 bits).
    public var controlInformation: UInt16

    public static let byteCount = 4

    /// The VLAN identifier, 0 ... 4095; 0 is a tag for the priority only.
    public var identifier: UInt16 { controlInformation & 0x0fff }

    public init(isService: Bool = false, controlInformation: UInt16) {
        self.isService = isService
        self.controlInformation = controlInformation
    }

    func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
        bytes.store(isService ? EtherType.serviceTag : EtherType.customerTag, at: offset)
        bytes.store(controlInformation, at: offset + 2)
    }
}
