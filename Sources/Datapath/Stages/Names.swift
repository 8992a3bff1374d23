import Southbound
import Wire

// Names of DNS in the tables: the rows, how records and ports become rows, and the reading.

/// A name and what is known of it.
struct NameRow {
    /// The name as messages have it (`UInt8`), in lower case.
    var octets: Extent
    /// IPv4 addresses (`UInt32`).
    var ipv4: Extent
    /// IPv6 addresses (`IPv6Row`).
    var ipv6: Extent
    /// The name that it stands for (`UInt8`), as messages have it; empty if it is no reverse name.
    var target: Extent
    /// 1 if queries for what it does not have are answered with nothing.
    var isOwned: UInt64
}

struct IPv6Row {
    var high: UInt64
    var low: UInt64
}

/// The hash of a name, in any case.
struct NameHash {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var word: UInt64 = 0
    private var count: UInt64 = 0
    private let seed: UInt64

    init(seed: UInt64) { self.seed = seed }

    /// Adds an octet of a label, or a label's length.
    @inline(__always)
    mutating func add(_ octet: UInt8) {
        word = word &<< 8 | UInt64(NameHash.lowercase(octet))
        count &+= 1
        if count & 7 == 0 { mix() }
    }

    /// The key of a name of these octets; `value` and `mac` are the caller's.
    mutating func key(value: UInt32 = 0, row: Reference = 0) -> KeyRow {
        word = word ^ count &<< 56
        mix()
        return KeyRow(.name, high: high, low: low, value: value, mac: UInt64(row))
    }

    private mutating func mix() {
        high = spread(1, high, word, seed: seed)
        low = spread(2, low, word, seed: seed)
        word = 0
    }

    /// A letter in lower case; lengths of labels are no letters.
    static func lowercase(_ octet: UInt8) -> UInt8 {
        octet &- UInt8(ascii: "A") < 26 ? octet | 0x20 : octet
    }
}

extension Tables {
    /// The row of a name as a message has it, in any case.
    func name(_ octets: UnsafeBufferPointer<UInt8>, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<NameRow>?
    {
        var hash = NameHash(seed: root.pointee.hashSeed)
        for octet in octets { hash.add(octet) }
        guard let key = find(hash.key(), in: datapath.pointee.keys),
            let row = row(NameRow.self, at: Reference(truncatingIfNeeded: key.pointee.mac))
        else { return nil }
        let known = rows(UInt8.self, row.pointee.octets)
        guard known.count == octets.count else { return nil }
        for index in 0..<octets.count where NameHash.lowercase(octets[index]) != known[index] { return nil }
        return row
    }
}

extension ForwardingTables {
    /// The rank of names of ports is above that of all responders.
    private static var portRank: UInt32 { 1 << 16 }

    /// The key of a name, with a row for it.
    private func key(
        of name: DomainName,
        rank: UInt32,
        ips: [IPAddress],
        target: DomainName?,
        isOwned: Bool,
        laysRow: Bool
    ) -> KeyRow {
        let octets = name.octets
        var hash = NameHash(seed: hashSeed)
        for octet in octets { hash.add(octet) }
        guard laysRow else { return hash.key(value: rank) }
        let row = NameRow(
            octets: file.append(octets),
            ipv4: file.append(ips.compactMap { if case .v4(let ip) = $0 { ip.rawValue } else { nil } }),
            ipv6: file.append(
                ips.compactMap { if case .v6(let ip) = $0 { IPv6Row(high: ip.high, low: ip.low) } else { nil } }
            ),
            target: file.append(target?.octets ?? []),
            isOwned: isOwned ? 1 : 0
        )
        return hash.key(value: rank, row: file.append(row))
    }

    /// The keys of a port's names: its own under the domain of the switch, and those of its addresses.
    /// - Parameter laysRows: False for keys that are only looked for.
    func nameKeys(of port: PortBinding, in datapath: DatapathState, laysRows: Bool) -> [KeyRow] {
        guard let domain = datapath.record.dnsDomain, let name = DomainName("\(port.logicalPort).\(domain)") else {
            return []
        }
        let rank = Self.portRank | UInt32(port.tunnelKey)
        let ips = port.addresses.flatMap(\.ips)
        guard !ips.isEmpty else { return [] }
        func key(_ name: DomainName, ips: [IPAddress], target: DomainName?) -> KeyRow {
            self.key(of: name, rank: rank, ips: ips, target: target, isOwned: true, laysRow: laysRows)
        }
        return [key(name, ips: ips, target: nil)] + ips.map { key(DomainName(reverse: $0), ips: [], target: name) }
    }

    /// Lays the names of the responders that a switch refers to, in the place of those before.
    func layNames(of datapath: DatapathState) {
        removeNames(of: datapath)
        guard datapath.isActive else { return }
        for (rank, id) in datapath.record.dnsRecords.prefix(Int(Self.portRank)).enumerated() {
            guard let responder = dnsResponders[id] else { continue }
            for text in Set(responder.records.keys).union(responder.pointers.keys).sorted() {
                guard let name = DomainName(text) else { continue }
                let key = key(
                    of: name,
                    rank: UInt32(rank),
                    ips: responder.records[text] ?? [],
                    target: responder.pointers[text].flatMap { DomainName($0) },
                    isOwned: responder.isOwned,
                    laysRow: true
                )
                insert(key, into: datapath)
                datapath.responderKeys.append(key)
            }
        }
        raise(datapath)
    }

    /// Takes out the names of the responders that a switch refers to.
    func removeNames(of datapath: DatapathState) {
        for key in datapath.responderKeys { remove(key, from: datapath) }
        datapath.responderKeys = []
    }

    func put(_ responder: DNSResponder) {
        dnsResponders[responder.id] = responder
        changedResponders.insert(responder.id)
    }

    func removeDNSResponder(_ id: ObjectID) {
        if dnsResponders.removeValue(forKey: id) != nil { changedResponders.insert(id) }
    }
}

extension TableFile {
    /// Copies the row of a name, if the key is one, from another file.
    func copyKey(_ key: KeyRow, from former: TableFile) -> KeyRow {
        if key.kind == KeyKind.multicastGroup.rawValue { return copyGroup(key, from: former) }
        guard key.kind == KeyKind.name.rawValue, key.mac != 0 else { return key }
        var row = former.load(NameRow.self, at: Reference(truncatingIfNeeded: key.mac))
        row.octets = copy(UInt8.self, row.octets, from: former)
        row.ipv4 = copy(UInt32.self, row.ipv4, from: former)
        row.ipv6 = copy(IPv6Row.self, row.ipv6, from: former)
        row.target = copy(UInt8.self, row.target, from: former)
        var copy = key
        copy.mac = UInt64(append(row))
        return copy
    }

    /// A name and what is known of it as text.
    func nameText(_ key: KeyRow) -> String {
        let row = load(NameRow.self, at: Reference(truncatingIfNeeded: key.mac))
        let ips =
            load(UInt32.self, row.ipv4).map { "\(IPv4Address($0))" }
            + load(IPv6Row.self, row.ipv6).map { "\(IPv6Address(high: $0.high, low: $0.low))" }
        return "\(hexadecimal(load(UInt8.self, row.octets))) -> \(ips) \(hexadecimal(load(UInt8.self, row.target)))"
            + (row.isOwned == 0 ? "" : " owned")
    }
}
