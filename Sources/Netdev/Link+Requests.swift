import CLinux
import Glibc
import Reactor
import Wire

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
            let messages = try socket.dump(call, type: Int(RTM_GETLINK)) {
                $0.appendLinkHeader(index: 0)
                $0.appendAttribute(Int(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS))
            }
            return try parsed(call) { () throws(NetlinkMessage.Malformed) in
                var links: [Link] = []
                for message in messages where message.type == UInt16(RTM_NEWLINK) { links.append(try Link(message)) }
                return links.sorted { $0.index < $1.index }
            }
        }
    }

    /// The device of this name, if there is one.
    public static func find(named name: String, in namespace: NetworkNamespace? = nil) throws(SystemError) -> Link? {
        guard isValidName(name) else { return nil }
        return try get("netlink RTM_GETLINK \(name)", in: namespace) { request in
            request.appendLinkHeader(index: 0)
            request.appendAttribute(Int(IFLA_IFNAME), text: name)
        }
    }

    /// The device with this index in the calling thread's namespace, if there is one. None has the index 0, which is
    /// what a packet socket says when its device is gone.
    public static func find(index: Int32) throws(SystemError) -> Link? {
        guard index > 0 else { return nil }
        return try get("netlink RTM_GETLINK \(index)", in: nil) { $0.appendLinkHeader(index: index) }
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
        return try get("netlink RTM_GETLINK \(index)", in: namespace) { $0.appendLinkHeader(index: index) }
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

    /// Routes packets to `destination` by this device of the calling thread's namespace; such a route is replaced.
    /// - Parameter gateway: of the destination's family; `nil` for hosts that the device reaches by itself.
    public func addRoute(to destination: IPPrefix, via gateway: IPAddress?) throws(SystemError) {
        var socket = try NetlinkSocket()
        let (call, flags) = ("netlink RTM_NEWROUTE \(destination)", NLM_F_CREATE | NLM_F_REPLACE)
        try socket.acknowledge(call, type: Int(RTM_NEWROUTE), flags: flags) { request in
            request.appendRoute(to: destination, isDirect: gateway == nil)
            request.appendAttribute(Int(RTA_DST.rawValue), destination.address.octets)
            if let gateway { request.appendAttribute(Int(RTA_GATEWAY.rawValue), gateway.octets) }
            request.appendAttribute(Int(RTA_OIF.rawValue), UInt32(bitPattern: index))
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

    private static func get(
        _ call: String,
        in namespace: NetworkNamespace?,
        _ build: @escaping @Sendable (inout NetlinkRequest) -> Void
    ) throws(SystemError) -> Link? {
        try with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            guard let message = try socket.get(call, type: Int(RTM_GETLINK), build) else { return nil }
            return try parsed(call) { () throws(NetlinkMessage.Malformed) in try Link(message) }
        }
    }

    static func with<Value: Sendable>(
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
        case .v4:
            appendAddressHeader(family: UInt8(AF_INET), prefixLength: UInt8(prefix.length), index: index)
            appendAttribute(Int(IFA_LOCAL), prefix.address.octets)
            appendAttribute(Int(IFA_ADDRESS), prefix.address.octets)
        case .v6:
            appendAddressHeader(family: UInt8(AF_INET6), prefixLength: UInt8(prefix.length), index: index)
            appendAttribute(Int(IFA_ADDRESS), prefix.address.octets)
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
