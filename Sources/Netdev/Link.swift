import CLinux
import Reactor
import Wire

/// A network device as rtnetlink describes it.
public struct Link: Equatable, Sendable {
    /// Its index in its namespace, 1 and up.
    public let index: Int32
    /// Its name, 1 to 15 bytes.
    public let name: String
    /// Its alias; that of a device we made is `heddle:` and the logical port.
    public let alias: String?
    /// Its MAC address; `nil` for a device that has none of 48 bits.
    public let mac: MACAddress?
    /// The most bytes of a packet, without the Ethernet header.
    public let mtu: Int
    /// Packets its transmit queue holds.
    public let transmitQueueLength: Int
    /// Octets of the longest superpacket that the host makes for it.
    public let superpacketByteCountMaximum: Int
    /// True if it is switched on (IFF_UP).
    public let isUp: Bool
    /// True if it is on and its lower layer is ready (IFF_LOWER_UP): a TAP's, when somebody has it open.
    public let hasCarrier: Bool
    /// The driver: `tun`, `veth`; `nil` for hardware and loopback.
    public let kind: String?
    /// The index of the device that it is a port of, as a bridge's.
    public let master: Int32?
    /// True if its frames are Ethernet's: not those of a TUN.
    public let isEthernet: Bool

    /// The prefix of the alias of a device that Heddle has made.
    public static let aliasPrefix = "heddle:"

    /// The logical port of a device we made.
    public var logicalPort: String? {
        guard let alias, alias.hasPrefix(Self.aliasPrefix) else { return nil }
        return String(alias.dropFirst(Self.aliasPrefix.count))
    }

    /// True if the kernel takes `name` for a device, as it stands: 1 to 15 bytes without `/`, `:`, white space, not `.`
    /// or `..`, and without `%`, which the kernel would replace by a number.
    public static func isValidName(_ name: String) -> Bool {
        guard (1..<Int(CLINUX_IFNAMSIZ)).contains(name.utf8.count), name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy { byte in
            // isspace(3) of the kernel also counts 0xa0, which UTF-8 uses within letters.
            byte > 0x20 && byte != 0x7f && byte != 0xa0 && !"/:%".utf8.contains(byte)
        }
    }

    /// The device of an RTM_NEWLINK or RTM_DELLINK message.
    public init(_ message: NetlinkMessage) throws(NetlinkMessage.Malformed) {
        let attributes = try message.attributes(after: 16)
        guard let index = message.payload.word(at: 4, as: Int32.self),
            let flags = message.payload.word(at: 8, as: UInt32.self),
            let name = attributes[Int(IFLA_IFNAME)]?.text
        else { throw NetlinkMessage.Malformed() }
        self.index = index
        self.name = name
        isEthernet = message.payload.word(at: 2, as: UInt16.self) == UInt16(CLINUX_ARPHRD_ETHER)
        master = attributes[Int(IFLA_MASTER)]?.word(at: 0, as: Int32.self)
        alias = attributes[Int(IFLA_IFALIAS)]?.text
        mac = attributes[Int(IFLA_ADDRESS)].flatMap { octets in
            octets.count == 6 ? MACAddress(truncating: octets.reduce(0) { $0 << 8 | UInt64($1) }) : nil
        }
        mtu = Int(attributes[Int(IFLA_MTU)]?.word(at: 0, as: UInt32.self) ?? 0)
        transmitQueueLength = Int(attributes[Int(IFLA_TXQLEN)]?.word(at: 0, as: UInt32.self) ?? 0)
        superpacketByteCountMaximum = Int(attributes[Int(IFLA_GSO_MAX_SIZE)]?.word(at: 0, as: UInt32.self) ?? 65_536)
        isUp = flags & UInt32(CLINUX_IFF_UP) != 0
        hasCarrier = flags & UInt32(CLINUX_IFF_LOWER_UP) != 0
        kind = try attributes[Int(IFLA_LINKINFO)].flatMap { nested throws(NetlinkMessage.Malformed) in
            let info = NetlinkMessage(type: 0, flags: 0, sequence: 0, payload: nested)
            return try info.attributes(after: 0)[Int(IFLA_INFO_KIND)]?.text
        }
    }
}
