import JSON
import Southbound
import Wire

/// A set of DHCP options that ports refer to (OVN_Northbound `DHCP_Options`).
public struct DHCPOptions: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The network whose addresses are offered; IPv4 makes them options of DHCPv4, IPv6 of DHCPv6, for ever.
    public var cidr: IPPrefix
    /// OVN's names of options, with values in OVN's spelling; as long as it is empty, hosts answer nothing.
    public var options: [String: String] = [:]
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of options.
    public var status = NoStatus()

    /// The protocol that the options are of.
    var family: DHCPOption.Family {
        switch cidr.address {
        case .v4: .v4
        case .v6: .v6
        }
    }
}

extension DHCPOptions: Kind {
    public static let kind = ObjectKind.dhcpOptions
    public static let names = KindNames(
        row: "dhcp_options",
        singular: "dhcp-options",
        plural: "dhcp-options",
        aliases: ["dhcp", "dhcpopts"],
        noun: "set of DHCP options",
        nouns: "sets of DHCP options"
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<DHCPOptions>> { \.dhcpOptions }
    public static let fields = Fields<DHCPOptions>([
        .name,
        Field("cidr", "string", { $0.cidr }, { $0.cidr = $1 }, .spelled { IPPrefix($0) }, read: cidr),
        .texts("options", { $0.options }, { $0.options = $1 }),
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let blank = DHCPOptions(name: "", cidr: IPPrefix(host: .v4(.any)))

    private static func cidr(_ reader: BodyReader) throws(Refusal) -> IPPrefix {
        guard let text = try reader.string("cidr") else {
            let detail = "\(reader.noun) needs the \"cidr\" of the network whose addresses it is about."
            throw Refusal(.missingField, detail, pointer: reader.pointer("cidr"))
        }
        guard let cidr = IPPrefix(text), cidr.hasZeroHostBits else {
            let detail = "\(quoted(text)) is not a network such as 172.16.255.0/24 or 2001:db8::/64, without host bits."
            throw Refusal(.invalidValue, detail, pointer: reader.pointer("cidr"))
        }
        return cidr
    }

    /// Checks each option, and that the protocol stays.
    public static func check(_ stored: Stored<DHCPOptions>, in database: NorthboundDatabase) throws(Refusal) {
        if let old = database.dhcpOptions[stored.id], old.value.family != stored.value.family {
            throw Refusal(
                .immutableField,
                "The options \"\(old.value.name)\" are for \(old.value.cidr) and stay of that protocol; make others.",
                pointer: "/cidr"
            )
        }
        if !stored.value.options.isEmpty { _ = try stored.value.responder(stored.id) }
    }

    /// The content of answers.
    public static func record(of stored: Stored<DHCPOptions>, in transaction: inout Transaction) -> Record? {
        Translation.record(of: stored)
    }

    public static func recordKey(of id: ObjectID) -> RecordKey? { .dhcpResponder(id) }
}
