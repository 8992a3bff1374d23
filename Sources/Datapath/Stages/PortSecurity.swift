import Southbound
import Wire

// Port security in the tables, for both stages that read it: the rows, how bindings become rows, and the reading.

/// One entry of port security, or one range of MACs of an entry for virtual routers.
struct SecurityRow {
    /// The lowest MAC.
    var mac: UInt64
    /// The bits of a MAC that count.
    var mask: UInt64
    /// The MAC that sends ARP and ND about a virtual router; `noOwner` if the entry is of the host itself.
    var owner: UInt64
    /// `IPv4PrefixRow`s.
    var ipv4: Extent
    /// `IPv6PrefixRow`s, the link-local address of `mac` not among them.
    var ipv6: Extent

    /// No MAC.
    static let noOwner = UInt64.max

    var isVirtual: Bool { owner != Self.noOwner }
    /// True if it is of virtual routers with IPv4 addresses.
    var isOfIPv4Routers: Bool { mac & 0xff00 == 0x0100 }

    func matches(_ address: UInt64) -> Bool { address & mask == mac }
}

struct IPv4PrefixRow {
    var network: UInt32
    var mask: UInt32
    /// The subnet's broadcast if only one address of the subnet is allowed, else 0.
    var broadcast: UInt32
}

struct IPv6PrefixRow {
    var networkHigh: UInt64
    var networkLow: UInt64
    var maskHigh: UInt64
    var maskLow: UInt64
}

extension TableFile {
    /// Lays the entries of a binding.
    func append(_ entries: [PortSecurityEntry]) -> Extent {
        let rows = entries.flatMap { entry in
            let ipv4 = append(entry.prefixes.compactMap(IPv4PrefixRow.init))
            let ipv6 = append(entry.prefixes.compactMap(IPv6PrefixRow.init))
            let mac = entry.mac.rawValue
            guard !entry.virtualMACs.isEmpty else {
                return [SecurityRow(mac: mac, mask: ~0, owner: SecurityRow.noOwner, ipv4: ipv4, ipv6: ipv6)]
            }
            return entry.virtualMACs.map { range in
                SecurityRow(mac: range.address.rawValue, mask: range.mask, owner: mac, ipv4: ipv4, ipv6: ipv6)
            }
        }
        return append(rows)
    }

    func copySecurity(_ entries: Extent, from former: TableFile) -> Extent {
        let rows = former.load(SecurityRow.self, entries).map { entry in
            SecurityRow(
                mac: entry.mac,
                mask: entry.mask,
                owner: entry.owner,
                ipv4: copy(IPv4PrefixRow.self, entry.ipv4, from: former),
                ipv6: copy(IPv6PrefixRow.self, entry.ipv6, from: former)
            )
        }
        return append(rows)
    }

    /// The addresses that each entry allows, as text.
    func securityTexts(_ entries: Extent) -> [String] {
        load(SecurityRow.self, entries).map { entry in
            let ipv4 = load(IPv4PrefixRow.self, entry.ipv4).map { prefix in
                let broadcast = prefix.broadcast == 0 ? "" : " (broadcast \(IPv4Address(prefix.broadcast)))"
                return "\(IPv4Address(prefix.network))/\(prefix.mask.nonzeroBitCount)\(broadcast)"
            }
            let ipv6 = load(IPv6PrefixRow.self, entry.ipv6).map { prefix in
                let length = prefix.maskHigh.nonzeroBitCount + prefix.maskLow.nonzeroBitCount
                return "\(IPv6Address(high: prefix.networkHigh, low: prefix.networkLow))/\(length)"
            }
            let virtual = "/\(entry.mask.nonzeroBitCount) of \(MACAddress(truncating: entry.owner))"
            let range = "\(MACAddress(truncating: entry.mac))" + (entry.isVirtual ? virtual : "")
            return ([range] + ipv4 + ipv6).joined(separator: " ")
        }
    }
}

extension IPv4PrefixRow {
    fileprivate init?(_ prefix: IPPrefix) {
        guard case .v4(let address) = prefix.address else { return nil }
        let mask: UInt32 = prefix.length == 0 ? 0 : ~0 << UInt32(32 - prefix.length)
        let hasSubnet = prefix.hasZeroHostBits
        self.init(
            network: address.rawValue,
            mask: hasSubnet ? mask : ~0,
            broadcast: hasSubnet ? 0 : address.rawValue | ~mask
        )
    }
}

extension IPv6PrefixRow {
    fileprivate init?(_ prefix: IPPrefix) {
        guard case .v6(let address) = prefix.address else { return nil }
        let length = prefix.hasZeroHostBits ? UInt64(prefix.length) : 128
        self.init(
            networkHigh: address.high,
            networkLow: address.low,
            maskHigh: length == 0 ? 0 : ~0 << (64 - min(length, 64)),
            maskLow: length <= 64 ? 0 : ~0 << (128 - length)
        )
    }
}

/// The entries of a port's security, as both stages of port security read them.
struct SecurityEntries {
    private let tables: Tables
    /// The entries that can be read.
    let entries: UnsafeBufferPointer<SecurityRow>
    let isThere: Bool

    init(of port: UnsafePointer<PortRow>, _ tables: Tables) {
        self.tables = tables
        entries = tables.rows(SecurityRow.self, port.pointee.security)
        isThere = port.pointee.security.count > 0
    }

    func linkLocal(_ mac: UInt64) -> IPv6Address { MACAddress(truncating: mac).linkLocalAddress }

    /// True if the entry allows addresses of a whole subnet.
    func hasSubnet(_ entry: SecurityRow) -> Bool {
        tables.rows(IPv6PrefixRow.self, entry.ipv6).contains { $0.maskLow != ~0 }
    }

    /// The entry has IP addresses. Without IPv4 ones among them no IPv4 is let out, as in OVN.
    func allowsDestination(ipv4 address: UInt32, _ entry: SecurityRow) -> Bool {
        for prefix in tables.rows(IPv4PrefixRow.self, entry.ipv4)
        where prefix.broadcast != 0 && prefix.broadcast == address {
            return true
        }
        if entry.ipv4.count > 0 && (address == ~0 || address >> 28 == 0xe) { return true }
        return contains(address, entry.ipv4)
    }

    /// The same for IPv6, to a MAC of the entry.
    func allowsDestination(ipv6 address: IPv6Address, at mac: UInt64, _ entry: SecurityRow) -> Bool {
        guard entry.ipv6.count > 0 else { return false }
        return address.isMulticast || address == linkLocal(mac) || contains(address, entry.ipv6)
    }

    func contains(_ address: UInt32, _ extent: Extent) -> Bool {
        tables.rows(IPv4PrefixRow.self, extent).contains { address & $0.mask == $0.network }
    }

    func contains(_ address: IPv6Address, _ extent: Extent) -> Bool {
        tables.rows(IPv6PrefixRow.self, extent).contains { prefix in
            address.high & prefix.maskHigh == prefix.networkHigh && address.low & prefix.maskLow == prefix.networkLow
        }
    }
}
