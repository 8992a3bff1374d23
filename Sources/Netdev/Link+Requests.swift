import CLinux
import Glibc
import Reactor
import Wire

/// What to change of a device; `nil` leaves things as they are.
public struct LinkChange: Equatable, Sendable {
    /// A new name; the device must be down, or Linux 6.2 or later.
    public var name: String?
    /// The alias, up to 255 bytes; empty takes it away.
    public var alias: String?
    /// The MAC address.
    public var mac: MACAddress?
    /// The MTU in bytes.
    public var mtu: Int?
    /// Packets the transmit queue holds.
    public var transmitQueueLength: Int?
    /// On or off.
    public var isUp: Bool?

    /// A change of what is given.
    public init(
        name: String? = nil,
        alias: String? = nil,
        mac: MACAddress? = nil,
        mtu: Int? = nil,
        transmitQueueLength: Int? = nil,
        isUp: Bool? = nil
    ) {
        self.name = name
        self.alias = alias
        self.mac = mac
        self.mtu = mtu
        self.transmitQueueLength = transmitQueueLength
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
    }
}

/// An address of a device.
public struct LinkAddress: Equatable, Sendable {
    /// The device's index.
    public let index: Int32
    /// The address with its prefix length.
    public let prefix: IPPrefix

    /// The address of an RTM_NEWADDR message; `nil` for another family.
    init?(_ message: NetlinkMessage) throws(NetlinkMessage.Malformed) {
        let attributes = try message.attributes(after: 8)
        guard let family = message.payload.first, let length = message.payload.word(at: 1, as: UInt8.self),
            let index = message.payload.word(at: 4, as: Int32.self)
        else { throw NetlinkMessage.Malformed() }
        // Of a point-to-point device IFA_ADDRESS is the far end; IFA_LOCAL, where there is one, is ours.
        guard let octets = attributes[Int(IFA_LOCAL)] ?? attributes[Int(IFA_ADDRESS)] else { return nil }
        let address: IPAddress
        switch (Int32(family), octets.count) {
        case (AF_INET, 4): address = .v4(IPv4Address(octets.reduce(0) { $0 << 8 | UInt32($1) }))
        case (AF_INET6, 16):
            let high = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            address = .v6(IPv6Address(high: high, low: octets.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }))
        default: return nil
        }
        guard let prefix = IPPrefix(address: address, length: Int(length)) else { throw NetlinkMessage.Malformed() }
        self.index = index
        self.prefix = prefix
    }
}

/// Requests about devices, each done in a namespace: that of the calling thread, or another one on a helper thread.
///
/// They wait for the kernel's lock over all devices, mostly for microseconds; a move between namespaces or a deletion
/// takes tens of milliseconds.
extension Link {
    /// All devices, by index.
    public static func all(in namespace: NetworkNamespace? = nil) throws(SystemError) -> [Link] {
        try with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            let call = "netlink RTM_GETLINK"
            let messages = try socket.dump(call, type: Int(RTM_GETLINK)) { $0.appendLinkHeader(index: 0) }
            return try parsed(call) { () throws(NetlinkMessage.Malformed) in
                var links: [Link] = []
                for message in messages where message.type == UInt16(RTM_NEWLINK) { links.append(try Link(message)) }
                return links.sorted { $0.index < $1.index }
            }
        }
    }

    /// The device of this name, if there is one.
    public static func find(named name: String, in namespace: NetworkNamespace? = nil) throws(SystemError) -> Link? {
        try all(in: namespace).first { $0.name == name }
    }

    /// The devices with this alias, by index.
    public static func find(alias: String, in namespace: NetworkNamespace? = nil) throws(SystemError) -> [Link] {
        try all(in: namespace).filter { $0.alias == alias }
    }

    /// All addresses, by device.
    public static func addresses(in namespace: NetworkNamespace? = nil) throws(SystemError) -> [LinkAddress] {
        try with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            let call = "netlink RTM_GETADDR"
            let messages = try socket.dump(call, type: Int(RTM_GETADDR)) {
                $0.appendAddressHeader(family: UInt8(AF_UNSPEC), prefixLength: 0, index: 0)
            }
            return try parsed(call) { () throws(NetlinkMessage.Malformed) in
                var addresses: [LinkAddress] = []
                for message in messages where message.type == UInt16(RTM_NEWADDR) {
                    if let address = try LinkAddress(message) { addresses.append(address) }
                }
                return addresses.sorted { $0.index < $1.index }
            }
        }
    }

    /// The device that has `address`, if one has.
    public static func find(
        address: IPAddress,
        in namespace: NetworkNamespace? = nil
    ) throws(SystemError) -> Link? {
        guard let index = try addresses(in: namespace).first(where: { $0.prefix.address == address })?.index else {
            return nil
        }
        return try all(in: namespace).first { $0.index == index }
    }

    /// The MTU of the device that has `address`, if one has: what the underlay carries.
    public static func mtu(
        ofAddress address: IPAddress,
        in namespace: NetworkNamespace? = nil
    ) throws(SystemError) -> Int? {
        try find(address: address, in: namespace)?.mtu
    }

    /// Changes this device, which is in `namespace`.
    /// - Throws: EEXIST for a name that is taken, EINVAL for an MTU the device cannot have …
    public func apply(_ change: LinkChange, in namespace: NetworkNamespace? = nil) throws(SystemError) {
        try Link.with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            try socket.acknowledge("netlink RTM_NEWLINK \(name)", type: Int(RTM_NEWLINK)) {
                change.append(to: &$0, index: index)
            }
        }
    }

    /// Moves this device from `namespace` to `destination` and changes it on the way. It arrives down and without
    /// addresses, maybe with another index.
    /// - Throws: EEXIST for a name that is taken there: the device may have moved all the same, under its old name.
    public func move(
        to destination: NetworkNamespace,
        applying change: LinkChange = LinkChange(),
        in namespace: NetworkNamespace? = nil
    ) throws(SystemError) {
        try Link.with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            try socket.acknowledge("netlink RTM_NEWLINK \(name) to \(destination)", type: Int(RTM_NEWLINK)) {
                change.append(to: &$0, index: index, namespace: destination.descriptor.raw)
            }
        }
    }

    /// Gives this device an address, usable at once (IPv6 without duplicate detection: central has done it).
    /// - Throws: EEXIST when it has the address already.
    public func add(_ prefix: IPPrefix, in namespace: NetworkNamespace? = nil) throws(SystemError) {
        try Link.with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            try socket.acknowledge(
                "netlink RTM_NEWADDR \(prefix) to \(name)",
                type: Int(RTM_NEWADDR),
                flags: NLM_F_CREATE | NLM_F_EXCL
            ) { $0.appendAddress(prefix, index: index) }
        }
    }

    /// Deletes this device.
    /// - Throws: ENODEV when it is gone; EOPNOTSUPP for one that cannot be deleted.
    public func delete(in namespace: NetworkNamespace? = nil) throws(SystemError) {
        try Link.with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            try socket.acknowledge("netlink RTM_DELLINK \(name)", type: Int(RTM_DELLINK)) {
                $0.appendLinkHeader(index: index)
            }
        }
    }

    private static func with<Value: Sendable>(
        _ namespace: NetworkNamespace?,
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        guard let namespace else { return try body() }
        return try namespace.run(body)
    }
}

extension NetlinkRequest {
    /// ifaddrmsg and attributes of an address for the device `index`.
    mutating func appendAddress(_ prefix: IPPrefix, index: Int32) {
        switch prefix.address {
        case .v4(let address):
            appendAddressHeader(family: UInt8(AF_INET), prefixLength: UInt8(prefix.length), index: index)
            let octets = withUnsafeBytes(of: address.rawValue.bigEndian) { Array($0) }
            appendAttribute(Int(IFA_LOCAL), octets)
            appendAttribute(Int(IFA_ADDRESS), octets)
        case .v6(let address):
            appendAddressHeader(family: UInt8(AF_INET6), prefixLength: UInt8(prefix.length), index: index)
            let octets = [address.high, address.low].flatMap { half in
                withUnsafeBytes(of: half.bigEndian) { Array($0) }
            }
            appendAttribute(Int(IFA_ADDRESS), octets)
            appendAttribute(Int(IFA_FLAGS), UInt32(IFA_F_NODAD))
        }
    }
}

/// Turns bytes of the kernel that make no sense into an error of `call`.
func parsed<Value>(
    _ call: String,
    _ body: () throws(NetlinkMessage.Malformed) -> Value
) throws(SystemError) -> Value {
    do throws(NetlinkMessage.Malformed) {
        return try body()
    } catch {
        throw SystemError(call: call, errno: EBADMSG)
    }
}
