import Wire

/// The entries of a port's security, as both stages of port security read them.
struct SecurityEntries {
    private let tables: Tables
    /// The entries that can be read.
    let entries: UnsafeBufferPointer<SecurityRow>
    /// True if there is a check.
    let isThere: Bool

    init(of port: UnsafePointer<PortRow>, _ tables: Tables) {
        self.tables = tables
        entries = tables.rows(SecurityRow.self, port.pointee.security)
        isThere = port.pointee.security.count > 0
    }

    func linkLocal(_ entry: SecurityRow) -> IPv6Address {
        MACAddress(truncating: entry.mac).linkLocalAddress
    }

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

    func allowsDestination(ipv6 address: IPv6Address, _ entry: SecurityRow) -> Bool {
        guard entry.ipv6.count > 0 else { return false }
        return address.isMulticast || address == linkLocal(entry) || contains(address, entry.ipv6)
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
