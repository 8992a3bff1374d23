import JSON
import Southbound
import Wire

/// A named set of addresses (OVN_Northbound `Address_Set`). Matches of ACLs name it: `$web`.
public struct AddressSet: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// Addresses and networks, each once, in the user's order.
    public var addresses: [IPPrefix] = []
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of an address set.
    public var status = NoStatus()

    /// The most addresses and networks of a set: a record stays below one page of the feed.
    public static let addressCountMaximum = 10_000
}

extension AddressSet: Kind {
    public static let kind = ObjectKind.addressSet
    public static let names = KindNames(
        row: "address_set",
        singular: "address-set",
        plural: "address-sets",
        aliases: ["as"]
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<AddressSet>> { \.addressSets }
    public static let fields = Fields<AddressSet>([
        .name,
        Field(
            "addresses",
            "array",
            { $0.addresses },
            { $0.addresses = $1 },
            .list(.spelled { IPPrefix($0) }),
            read: addresses
        ),
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let reachesOthers = true
    public static let blank = AddressSet(name: "")

    private static func addresses(_ reader: BodyReader) throws(Refusal) -> [IPPrefix] {
        let texts = try reader.strings("addresses", atMost: addressCountMaximum)
        var addresses: [IPPrefix] = []
        var seen: Set<IPPrefix> = []
        for (index, text) in texts.enumerated() {
            func refusal(_ detail: String) -> Refusal {
                Refusal(.invalidValue, detail, pointer: reader.pointer("addresses", "\(index)"))
            }
            guard let address = IPPrefix(text) else {
                throw refusal("\(quoted(text)) is neither an IP address nor a network.")
            }
            guard address.hasZeroHostBits else {
                throw refusal("\(address) has bits behind its length; write the network or the address alone.")
            }
            guard seen.insert(address).inserted else { throw refusal("\(address) appears twice in \"addresses\".") }
            addresses.append(address)
        }
        return addresses
    }
}
