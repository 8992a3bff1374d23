import JSON
import Southbound
import Wire

/// Names with their addresses, which hosts answer DNS queries for on the switches that refer to them (OVN_Northbound
/// `DNS`).
public struct DNSRecords: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// By domain name in lower case: addresses with blanks between them, or of a reverse name (`….in-addr.arpa`,
    /// `….ip6.arpa`) the name that it stands for.
    public var records: [String: String] = [:]
    /// OVN's option keys; only `ovn-owned` is known to this version.
    public var options: [String: String] = [:]
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of records.
    public var status = NoStatus()

    /// The option that gives queries for other types of a known name an empty answer, as OVN spells it.
    static let isOwned = "ovn-owned"

    private static let bounds = MapBounds(
        count: DNSResponder.nameCountMaximum,
        keyByteCount: DomainName.byteCountMaximum,
        valueByteCount: Limits.labelValueByteCountMaximum
    )
}

extension DNSRecords: Kind {
    public static let kind = ObjectKind.dnsRecords
    public static let names = KindNames(
        row: "dns_records",
        singular: "dns-records",
        plural: "dns-records",
        aliases: ["dns"],
        noun: "set of DNS records",
        nouns: "sets of DNS records"
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<DNSRecords>> { \.dnsRecords }
    public static let fields = Fields<DNSRecords>([
        .name,
        Field("records", "object", { $0.records }, { $0.records = $1 }, .texts) {
            (patch, said, current) throws(Refusal) in
            try patch.map("records", said, of: current, bounds, key: canonicalName)
        } read: { (reader) throws(Refusal) in
            try records(reader)
        },
        .texts("options", { $0.options }, { $0.options = $1 }, check: BodyReader.onlyFlag(isOwned)),
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let blank = DNSRecords(name: "")

    /// The content of answers.
    public static func record(of stored: Stored<DNSRecords>, in transaction: inout Transaction) -> Record? {
        Translation.record(of: stored)
    }

    public static func recordKey(of id: ObjectID) -> RecordKey? { .dnsResponder(id) }

    private static func canonicalName(_ text: String) -> String { DomainName(text)?.description ?? text }

    /// The records of a body, in canonical spelling.
    private static func records(_ reader: BodyReader) throws(Refusal) -> [String: String] {
        var records: [String: String] = [:]
        for (key, text) in try reader.map("records", bounds).sorted(by: { $0.key < $1.key }) {
            func refusal(_ detail: String) -> Refusal {
                Refusal(.invalidValue, detail, pointer: reader.pointer("records", key))
            }
            guard let name = DomainName(key), !name.isRoot else {
                throw refusal("\(quoted(key)) is not a domain name such as vm1.example.")
            }
            guard records[name.description] == nil else { throw refusal("\"\(name)\" appears twice in \"records\".") }
            records[name.description] =
                if isReverse(name) {
                    if let target = DomainName(text), !target.isRoot {
                        target.description
                    } else {
                        throw refusal("A reverse name such as \(quoted(key)) needs the domain name that it stands for.")
                    }
                } else {
                    try addresses(text, refusal).map(\.description).joined(separator: " ")
                }
        }
        return records
    }

    private static func addresses(
        _ text: String,
        _ refusal: (String) -> Refusal
    ) throws(Refusal) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for item in text.split(whereSeparator: { $0 == " " || $0 == "," }) {
            guard let address = IPAddress(item) else { throw refusal("\(quoted(item)) is not an IP address.") }
            guard !addresses.contains(address) else { throw refusal("\(address) appears twice.") }
            addresses.append(address)
        }
        guard (1...DNSResponder.addressCountMaximum).contains(addresses.count) else {
            throw refusal("A name has 1 to \(DNSResponder.addressCountMaximum) IP addresses, with blanks between them.")
        }
        return addresses
    }

    private static func isReverse(_ name: DomainName) -> Bool {
        ["in-addr", "ip6"].contains(name.labels.dropLast().last ?? "") && name.labels.last == "arpa"
    }

    /// The content of hosts' answers.
    func responder(_ id: ObjectID) -> DNSResponder {
        var responder = DNSResponder(id: id, isOwned: options[Self.isOwned] == "true")
        for (name, text) in records {
            let addresses = text.split(separator: " ").compactMap { IPAddress($0) }
            if addresses.isEmpty { responder.pointers[name] = text } else { responder.records[name] = addresses }
        }
        return responder
    }
}
