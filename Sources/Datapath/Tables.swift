import Wire

/// A view of compiled tables, as the packet path has it: one pointer, no reference count.
///
/// Valid as long as the `ForwardingTables` that it is of. Nothing here allocates, retains, locks or throws.
public struct Tables: @unchecked Sendable {
    let base: UnsafeRawPointer

    /// The number of the compilation: caches of decisions are tagged with it.
    public var epoch: UInt64 { header.pointee.epoch }

    /// The longest IP packet, in octets, that the host's own device leaves to tunnels; paths may carry less.
    public var innerMTU: Int { header.pointee.innerMTU }

    /// How many remote places there are; their numbers are 0 ..< this, good for these tables only.
    public var placeCount: Int { header.pointee.places.count }

    /// The underlay address of a place.
    /// - Parameter number: 0 ..< `placeCount`.
    public func place(_ number: Int) -> IPAddress {
        precondition(number >= 0 && number < placeCount)
        let place = rows(PlaceRow.self, header.pointee.places)[number]
        if place.isIPv6 { return .v6(IPv6Address(high: place.high, low: place.low)) }
        return .v4(IPv4Address(UInt32(truncatingIfNeeded: place.low)))
    }

    /// Whether the address is an encap of another chassis that this host shares a datapath with.
    public func isTunnelEnd(_ address: IPAddress) -> Bool { chassis(encap: address) >= 0 }

    /// Whether frames from this slot go anywhere: its logical port is known and bound to this chassis.
    public func isBound(slot: UInt16) -> Bool { port(atSlot: slot) != nil }
}

extension Tables {
    var header: UnsafePointer<TablesHeader> { base.assumingMemoryBound(to: TablesHeader.self) }

    func row<Row: BitwiseCopyable>(_ type: Row.Type, at offset: Int) -> UnsafePointer<Row> {
        (base + offset).assumingMemoryBound(to: type)
    }

    func rows<Row: BitwiseCopyable>(_ type: Row.Type, _ extent: Extent) -> UnsafePointer<Row> {
        row(type, at: extent.offset)
    }

    func offset(of port: UnsafePointer<PortRow>) -> Int { UnsafeRawPointer(port) - base }

    func port(atSlot slot: UInt16) -> UnsafePointer<PortRow>? {
        let slots = header.pointee.slots
        guard Int(slot) < slots.count else { return nil }
        let offset = rows(Int.self, slots)[Int(slot)]
        return offset == 0 ? nil : row(PortRow.self, at: offset)
    }

    func datapath(vni: UInt32) -> UnsafePointer<DatapathRow>? {
        let offset = find(.vni, datapath: 0, high: 0, low: UInt64(vni))
        return offset < 0 ? nil : row(DatapathRow.self, at: offset)
    }

    func port(key: UInt16, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<PortRow>? {
        let offset = find(.portKey, datapath: datapath.pointee.index, high: 0, low: UInt64(key))
        return offset < 0 ? nil : row(PortRow.self, at: offset)
    }

    func port(mac: UInt64, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<PortRow>? {
        let offset = find(.mac, datapath: datapath.pointee.index, high: 0, low: mac)
        return offset < 0 ? nil : row(PortRow.self, at: offset)
    }

    func neighbor(ipv4 address: UInt32, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<NeighborRow>? {
        let offset = find(.ipv4Neighbor, datapath: datapath.pointee.index, high: 0, low: UInt64(address))
        return offset < 0 ? nil : row(NeighborRow.self, at: offset)
    }

    func neighbor(ipv6 address: IPv6Address, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<NeighborRow>? {
        let offset = find(.ipv6Neighbor, datapath: datapath.pointee.index, high: address.high, low: address.low)
        return offset < 0 ? nil : row(NeighborRow.self, at: offset)
    }

    /// The number of the chassis that has this encap, or -1.
    func chassis(encap: IPAddress) -> Int {
        switch encap {
        case .v4(let address): find(.ipv4Encap, datapath: 0, high: 0, low: UInt64(address.rawValue))
        case .v6(let address): find(.ipv6Encap, datapath: 0, high: address.high, low: address.low)
        }
    }

    /// The value under a key, or -1.
    private func find(_ kind: HashKind, datapath: UInt32, high: UInt64, low: UInt64) -> Int {
        let table = header.pointee.hash
        let rows = rows(HashRow.self, table)
        let scope = hashScope(kind, datapath: datapath)
        let mask = table.count &- 1
        var index = hashIndex(scope: scope, high: high, low: low, seed: header.pointee.hashSeed) & mask
        while true {
            let row = rows + index
            if row.pointee.scope == scope && row.pointee.low == low && row.pointee.high == high {
                return row.pointee.value
            }
            // The compiler leaves at least half of the rows free, so this comes.
            if row.pointee.scope == 0 { return -1 }
            index = (index &+ 1) & mask
        }
    }
}

func hashScope(_ kind: HashKind, datapath: UInt32) -> UInt64 { kind.rawValue << 32 | UInt64(datapath) }

/// Where to look for a key first; the caller masks.
func hashIndex(scope: UInt64, high: UInt64, low: UInt64, seed: UInt64) -> Int {
    let first = (low ^ seed ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: scope ^ 0xe703_7ed1_a0b4_28db)
    let second = (first.high ^ first.low ^ high).multipliedFullWidth(by: 0x8ebc_6af0_9c88_c6e3 ^ seed)
    return Int(truncatingIfNeeded: second.high ^ second.low)
}
