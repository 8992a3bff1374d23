import CLinux
import Glibc
import Reactor
import Wire

/// A pair of network devices, each of which receives what the other sends: one end is a container's, the other one the
/// host's, whose frames go through a ``PacketSocket``.
public enum VethPair {
    /// The properties of a new pair.
    public struct Configuration: Equatable, Sendable {
        /// The host's end, in the calling thread's namespace.
        public var hostName: String
        /// The guest's end.
        public var name: String
        /// The logical port, told by the alias of the host's end.
        public var logicalPort: String
        /// The MAC address of the guest's end; `nil` for a random one.
        public var mac: MACAddress?
        public var addresses: [IPPrefix]
        /// The MTU of both ends in bytes.
        public var mtu: Int
        /// Octets of the kernel's memory that frames which wait for us may take.
        public var queuedByteCount: Int

        public init(
            hostName: String,
            name: String,
            logicalPort: String,
            mac: MACAddress? = nil,
            addresses: [IPPrefix] = [],
            mtu: Int,
            queuedByteCount: Int = TAPDevice.queuedByteCount
        ) {
            self.hostName = hostName
            self.name = name
            self.logicalPort = logicalPort
            self.mac = mac
            self.addresses = addresses
            self.mtu = mtu
            self.queuedByteCount = queuedByteCount
        }
    }

    /// Makes a pair whose other end is in `namespace`, switched on, and opens the host's end.
    ///
    /// The host's end gets its alias at the very end. One that has no alias is what an earlier
    /// attempt has left behind, and goes.
    public static func create(
        _ configuration: Configuration,
        in namespace: NetworkNamespace,
        keepsDatagrams: Bool
    ) throws(TAPError) -> Descriptor {
        guard Link.isValidName(configuration.name) else { throw .invalidName(configuration.name) }
        let hostName = configuration.hostName
        return try system { () throws(SystemError) in
            if let rest = try Link.find(named: hostName) {
                guard rest.kind == "veth", rest.alias == nil else {
                    throw SystemError(call: "make \(hostName)", errno: EEXIST)
                }
                try rest.delete()
            }
            try makePair(configuration, in: namespace)
            guard let link = try Link.find(named: hostName) else {
                throw SystemError(call: "find \(hostName)", errno: ENODEV)
            }
            do throws(SystemError) {
                try furnish(configuration, in: namespace, keepsDatagrams: keepsDatagrams)
                let descriptor = try PacketSocket.open(link, queuedByteCount: configuration.queuedByteCount)
                try link.apply(LinkChange(alias: Link.aliasPrefix + configuration.logicalPort))
                return descriptor
            } catch {
                try? link.delete()
                throw error
            }
        }
    }

    private static func makePair(
        _ configuration: Configuration,
        in namespace: NetworkNamespace
    ) throws(SystemError) {
        var socket = try NetlinkSocket()
        let segments = TAPDevice.segmentCountMaximum(mtu: configuration.mtu)
        let call = "netlink RTM_NEWLINK \(configuration.name) in \(namespace)"
        let flags = NLM_F_CREATE | NLM_F_EXCL
        try socket.acknowledge(call, type: Int(RTM_NEWLINK), flags: flags) { request in
            LinkChange(name: configuration.hostName, mtu: configuration.mtu).append(to: &request, index: 0)
            request.appendNested(Int(IFLA_LINKINFO)) { info in
                info.appendAttribute(Int(IFLA_INFO_KIND), text: "veth")
                info.appendNested(Int(IFLA_INFO_DATA)) { data in
                    data.appendNested(Int(VETH_INFO_PEER)) { peer in
                        let change = LinkChange(
                            name: configuration.name,
                            mac: configuration.mac,
                            mtu: configuration.mtu,
                            segmentCountMaximum: segments
                        )
                        change.append(to: &peer, index: 0, namespace: namespace.descriptor.raw)
                    }
                }
            }
        }
    }

    private static func furnish(
        _ configuration: Configuration,
        in namespace: NetworkNamespace,
        keepsDatagrams: Bool
    ) throws(SystemError) {
        try namespace.run { () throws(SystemError) in
            let name = configuration.name
            guard let link = try Link.find(named: name) else {
                throw SystemError(call: "find \(name)", errno: ENODEV)
            }
            let text = Array(name.utf8CString)
            try systemCall("ioctl ETHTOOL_SFEATURES \(name)") { clinux_limit_offloads(text, keepsDatagrams) }
            for address in configuration.addresses { try link.add(address) }
            try link.apply(LinkChange(isUp: true))
        }
    }
}
