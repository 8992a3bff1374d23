import CLinux
import Wire

/// Changes of a device; `nil` leaves a property as it is.
public struct LinkChange: Equatable, Sendable {
    /// A new name; the device must be down, or Linux 6.2 or later.
    public var name: String?
    /// The alias, up to 255 bytes; empty takes it away.
    public var alias: String?
    public var mac: MACAddress?
    public var mtu: Int?
    /// Packets the transmit queue holds.
    public var transmitQueueLength: Int?
    /// Octets of the longest superpacket that the host makes for the device (Linux 4.16 or later).
    public var superpacketByteCountMaximum: Int?
    /// Segments of the longest superpacket that the host makes for the device (Linux 4.16 or later).
    public var segmentCountMaximum: Int?
    public var isUp: Bool?

    public init(
        name: String? = nil,
        alias: String? = nil,
        mac: MACAddress? = nil,
        mtu: Int? = nil,
        transmitQueueLength: Int? = nil,
        superpacketByteCountMaximum: Int? = nil,
        segmentCountMaximum: Int? = nil,
        isUp: Bool? = nil
    ) {
        self.name = name
        self.alias = alias
        self.mac = mac
        self.mtu = mtu
        self.transmitQueueLength = transmitQueueLength
        self.superpacketByteCountMaximum = superpacketByteCountMaximum
        self.segmentCountMaximum = segmentCountMaximum
        self.isUp = isUp
    }

    /// Appends ifinfomsg and attributes for the device `index`; `namespace` is a descriptor to move it to.
    func append(to request: inout NetlinkRequest, index: Int32, namespace: Int32? = nil) {
        let up = UInt32(CLINUX_IFF_UP)
        request.appendLinkHeader(index: index, flags: isUp == true ? up : 0, mask: isUp == nil ? 0 : up)
        if let namespace { request.appendAttribute(Int(IFLA_NET_NS_FD), UInt32(bitPattern: namespace)) }
        if let name { request.appendAttribute(Int(IFLA_IFNAME), text: name) }
        if let alias { request.appendAttribute(Int(IFLA_IFALIAS), Array(alias.utf8)) }
        if let mac { request.appendAttribute(Int(IFLA_ADDRESS), mac.octets) }
        if let mtu { request.appendAttribute(Int(IFLA_MTU), UInt32(clamping: mtu)) }
        if let transmitQueueLength {
            request.appendAttribute(Int(IFLA_TXQLEN), UInt32(clamping: transmitQueueLength))
        }
        if let superpacketByteCountMaximum {
            request.appendAttribute(Int(IFLA_GSO_MAX_SIZE), UInt32(clamping: superpacketByteCountMaximum))
        }
        if let segmentCountMaximum {
            request.appendAttribute(Int(IFLA_GSO_MAX_SEGS), UInt32(clamping: segmentCountMaximum))
        }
    }
}
