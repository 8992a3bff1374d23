import JSON
import Wire

/// The content of a host's answers to the DHCP requests of the ports that refer to it, from the `dhcp-options` of users
/// (OVN_Northbound `DHCP_Options`).
public struct DHCPResponder: Hashable, Sendable {
    /// The identity of the options that it is made of.
    public var id: ObjectID
    /// The network whose addresses are offered, each to the port that has it.
    public var cidr: IPPrefix
    /// The server's address in DHCPv4 (option 54); `nil` in DHCPv6, where ``serverMAC`` identifies it.
    public var serverID: IPv4Address?
    /// The source of answers; in DHCPv6 also the server's identifier (DUID-LL, RFC 8415 section 11.4).
    public var serverMAC: MACAddress
    /// True if no addresses are given in DHCPv6, but only options.
    public var isStateless: Bool
    /// The server of the next boot step, `siaddr` of RFC 2131.
    public var nextServer: IPv4Address?
    /// The seconds that an address may be used (option 51 in DHCPv4; `nil` in DHCPv6 is for ever).
    public var leaseTime: UInt32?
    /// The seconds after which a client asks its server again (T1, option 58); `nil` leaves it to the client.
    public var t1: UInt32?
    /// The seconds after which a client asks any server (T2, option 59); `nil` leaves it to the client.
    public var t2: UInt32?
    /// The encoded options, in ascending order of their codes, that an answer has as they are: an older host so serves
    /// options that it does not know.
    ///
    /// Those that depend on the answer are not among them: in DHCPv4 the message type (53), the server (54) and the
    /// times (51, 58, 59), in DHCPv6 the identifiers and addresses. The netmask (1) is. If there is no option for the
    /// MTU (26), the host adds that of the port's path.
    public var options: [UInt8]

    /// The most octets of ``options``: with what depends on the answer they fit into a frame of 1500 bytes.
    public static let optionByteCountMaximum = 1024

    public init(
        id: ObjectID,
        cidr: IPPrefix,
        serverID: IPv4Address?,
        serverMAC: MACAddress,
        isStateless: Bool = false,
        nextServer: IPv4Address? = nil,
        leaseTime: UInt32? = nil,
        t1: UInt32? = nil,
        t2: UInt32? = nil,
        options: [UInt8] = []
    ) {
        self.id = id
        self.cidr = cidr
        self.serverID = serverID
        self.serverMAC = serverMAC
        self.isStateless = isStateless
        self.nextServer = nextServer
        self.leaseTime = leaseTime
        self.t1 = t1
        self.t2 = t2
        self.options = options
    }
}

extension DHCPResponder {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<DHCPResponder>] = [
        JSONMember("id", { $0.id }, { $0.id = $1 }, .spelled { ObjectID($0) }),
        JSONMember("cidr", { $0.cidr }, { $0.cidr = $1 }, .spelled { IPPrefix($0) }),
        JSONMember(
            "server_id",
            { $0.serverID },
            { $0.serverID = $1 },
            .optional(.spelled { IPv4Address($0) }),
            default: nil
        ),
        JSONMember("server_mac", { $0.serverMAC }, { $0.serverMAC = $1 }, .spelled { MACAddress($0) }),
        JSONMember("stateless", { $0.isStateless }, { $0.isStateless = $1 }, .flag, default: false),
        JSONMember(
            "next_server",
            { $0.nextServer },
            { $0.nextServer = $1 },
            .optional(.spelled { IPv4Address($0) }),
            default: nil
        ),
        JSONMember(
            "lease_time",
            { $0.leaseTime },
            { $0.leaseTime = $1 },
            .optional(.integer(in: 0...UInt32.max)),
            default: nil
        ),
        JSONMember("t1", { $0.t1 }, { $0.t1 = $1 }, .optional(.integer(in: 0...UInt32.max)), default: nil),
        JSONMember("t2", { $0.t2 }, { $0.t2 = $1 }, .optional(.integer(in: 0...UInt32.max)), default: nil),
        JSONMember("options", { $0.options }, { $0.options = $1 }, encoded),
    ]

    private static let encoded = JSONCodec<[UInt8]>(json: { .string(hexadecimal($0)) }) { json in
        guard let text = json.stringValue, text.utf8.count <= 2 * optionByteCountMaximum else { return nil }
        return octets(hexadecimal: text)
    }

    /// A record that members are read into.
    static let blank = DHCPResponder(id: .zero, cidr: IPPrefix(host: .v4(.any)), serverID: nil, serverMAC: .zero)
}
