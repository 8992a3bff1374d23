import Wire

/// A host that carries ports (OVN_Southbound `Chassis` and `Encap`).
public struct Chassis: Hashable, Sendable {
    /// The chassis' unique name, `--chassis`.
    public var name: String
    /// The random identity that the agent keeps in its state directory.
    public var chassisID: String
    /// The host's name, for `show`; may be empty.
    public var hostname: String
    /// The addresses at which other chassis reach it. At least one; no two chassis share one.
    public var encaps: [Encap]
    /// The public keys (X25519, RFC 7748) by which it and others verify the tags of each other's datagrams, as 64
    /// hexadecimal digits, the older first; none if it puts no tags into datagrams.
    public var tunnelKeys: [String]

    /// The names of the physical networks that it has a device of (OVN's `ovn-bridge-mappings`), in order.
    public var physicalNetworks: [String] = []

    /// The most physical networks of a chassis: more than a host has devices.
    public static let physicalNetworkCountMaximum = 64

    /// The most public keys of a chassis: one in use, and the next, for all to know before it is used.
    public static let tunnelKeyCountMaximum = 2

    /// True if a text can be a public key.
    public static func isTunnelKey(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    public init(name: String, chassisID: String, hostname: String, encaps: [Encap], tunnelKeys: [String] = []) {
        self.name = name
        self.chassisID = chassisID
        self.hostname = hostname
        self.encaps = encaps
        self.tunnelKeys = tunnelKeys
    }
}

/// A tunnel endpoint of a chassis (OVN_Southbound `Encap`).
public struct Encap: Hashable, Comparable, Sendable {
    /// The encapsulation; Geneve (RFC 8926) is the only one.
    public enum Kind: String, Sendable {
        /// Geneve with OVN's option.
        case geneve
    }

    public var kind: Kind
    /// The underlay address.
    public var ip: IPAddress

    /// Orders by encapsulation, then by address.
    public static func < (left: Encap, right: Encap) -> Bool {
        (left.kind.rawValue, left.ip) < (right.kind.rawValue, right.ip)
    }

    public init(kind: Kind = .geneve, ip: IPAddress) {
        self.kind = kind
        self.ip = ip
    }
}
