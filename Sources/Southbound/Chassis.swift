import Wire

/// A host that carries ports (OVN_Southbound `Chassis` and `Encap`).
public struct Chassis: Hashable, Sendable {
    /// The chassis' unique name, `--chassis`.
    public var name: String
    /// The random identity that the agent keeps in its state directory.
    public var chassisID: String
    /// The host's name, for `show`; may be empty.
    public var hostname: String
    /// Where the other chassis reach it. At least one, no two chassis share one.
    public var encaps: [Encap]

    /// A chassis with its tunnel endpoints.
    public init(name: String, chassisID: String, hostname: String, encaps: [Encap]) {
        self.name = name
        self.chassisID = chassisID
        self.hostname = hostname
        self.encaps = encaps
    }
}

/// A tunnel endpoint of a chassis (OVN_Southbound `Encap`).
public struct Encap: Hashable, Comparable, Sendable {
    /// The encapsulation; Geneve (RFC 8926) is the only one.
    public enum Kind: String, Sendable {
        /// Geneve with OVN's option.
        case geneve
    }

    /// The encapsulation.
    public var kind: Kind
    /// The underlay address.
    public var ip: IPAddress

    /// Orders by encapsulation, then by address.
    public static func < (left: Encap, right: Encap) -> Bool {
        (left.kind.rawValue, left.ip) < (right.kind.rawValue, right.ip)
    }

    /// An endpoint at this underlay address.
    public init(kind: Kind = .geneve, ip: IPAddress) {
        self.kind = kind
        self.ip = ip
    }
}
