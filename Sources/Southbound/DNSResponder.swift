import JSON
import Wire

/// The names that hosts answer DNS queries for on the switches that refer to it, from the `dns-records` of users
/// (OVN_Northbound `DNS`).
public struct DNSResponder: Hashable, Sendable {
    /// The identity of the records that it is made of.
    public var id: ObjectID
    /// True if a query for a name of it gets an empty answer when it asks for a type that the name does not have;
    /// otherwise such a query goes on to its destination.
    public var isOwned: Bool
    /// The addresses of each name, in the user's order. Names are lower case and without a dot at the end; a reverse
    /// name (`1.0.0.10.in-addr.arpa`) is one like any other in ``pointers``.
    public var records: [String: [IPAddress]]
    /// The names that reverse names stand for.
    public var pointers: [String: String]

    /// The most names of both kinds: a record stays below one page of the feed.
    public static let nameCountMaximum = 1024
    /// The most addresses of a name: an answer of all of them fits into a datagram of 512 bytes (RFC 1035).
    public static let addressCountMaximum = 8

    public init(
        id: ObjectID,
        isOwned: Bool = false,
        records: [String: [IPAddress]] = [:],
        pointers: [String: String] = [:]
    ) {
        self.id = id
        self.isOwned = isOwned
        self.records = records
        self.pointers = pointers
    }
}

extension DNSResponder {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<DNSResponder>] = [
        JSONMember("id", { $0.id }, { $0.id = $1 }, .spelled { ObjectID($0) }),
        JSONMember("owned", { $0.isOwned }, { $0.isOwned = $1 }, .flag, default: false),
        JSONMember("records", { $0.records }, { $0.records = $1 }, .map(.list(.spelled { IPAddress($0) }))),
        JSONMember("pointers", { $0.pointers }, { $0.pointers = $1 }, .map(.text), default: [:]),
    ]

    /// A record that members are read into.
    static let blank = DNSResponder(id: .zero)
}
