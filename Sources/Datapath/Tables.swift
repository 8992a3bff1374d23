import Wire

/// A view of forwarding tables, as the packet path has it: pointers, no reference count.
///
/// Valid as long as the memory that they are of (`MappedTables`, or `ForwardingTables` until its next change). Nothing
/// here allocates, retains, locks or throws. Nothing in the memory is trusted: a reference out of it reads as nothing,
/// so that no octets there can end the process, and every loop is bounded by the memory's size.
public struct Tables: @unchecked Sendable {
    let base: UnsafeRawPointer
    /// The octets of the memory that may be read.
    let byteCount: Int
    let root: UnsafePointer<TableRoot>
    /// The standby ports that were activated since; `nil` if nobody keeps them.
    public var activations: Activations?

    /// Slots, and the most entries of the list of them: `UInt16`s up to this fit the arrays of a forwarder.
    public static let slotCountMaximum = 4096
    /// The most places that are told: more remote chassis than share a datapath with one host.
    public static let placeCountMaximum = 1 << 16

    /// The tables whose root is there; `nil` if it lies outside the memory.
    /// - Parameter root: in octets from `base`.
    init?(base: UnsafeRawPointer, byteCount: Int, root: Int) {
        guard root > 0, root % 16 == 0, root <= byteCount - MemoryLayout<TableRoot>.stride else { return nil }
        self.base = base
        self.byteCount = byteCount
        self.root = (base + root).assumingMemoryBound(to: TableRoot.self)
    }

    /// The number of the change that made them: caches of decisions are tagged with it.
    public var epoch: UInt64 { root.pointee.epoch }

    /// Spreads the keys of hash tables.
    var hashSeed: UInt64 { root.pointee.hashSeed }

    /// The longest IP packet, in octets, that the host's own device leaves to tunnels; paths may carry less.
    public var innerMTU: Int { Int(root.pointee.innerMTU) }

    /// One more than the highest number of a place. Numbers are stable: a place has its own until nothing leads there.
    public var placeCount: Int { min(Int(root.pointee.chassisCount), Self.placeCountMaximum) }

    /// Differs from that of tables with other places.
    public var placesGeneration: UInt32 { root.pointee.placesGeneration }

    /// The underlay address of a place, if there is one of this number.
    public func place(_ number: Int) -> IPAddress? {
        guard let place = row(ChassisRow.self, at: element(number, of: root.pointee.chassis))?.pointee else {
            return nil
        }
        switch place.family {
        case 4: return .v4(IPv4Address(UInt32(truncatingIfNeeded: place.low)))
        case 6: return .v6(IPv6Address(high: place.high, low: place.low))
        default: return nil
        }
    }

    /// True if the address is an encap of another chassis that this host shares a datapath with.
    public func isTunnelEnd(_ address: IPAddress) -> Bool { chassis(encap: address) >= 0 }
}

extension Tables {
    /// True if the standby port of this host was activated.
    func isActivated(_ port: UnsafePointer<PortRow>) -> Bool {
        activations.map { $0[Int(port.pointee.slot)] == port.pointee.activation } ?? false
    }

    func activate(_ port: UnsafePointer<PortRow>) {
        activations?.set(port.pointee.activation, ofSlot: Int(port.pointee.slot))
    }

    /// A row; `nil` if it is nowhere or lies outside the memory.
    @inline(__always)
    func row<Row: BitwiseCopyable>(_ type: Row.Type, at reference: Reference) -> UnsafePointer<Row>? {
        let offset = Int(reference) &* 8
        guard reference != 0, offset &+ MemoryLayout<Row>.stride <= byteCount else { return nil }
        return (base + offset).assumingMemoryBound(to: type)
    }

    /// A run of rows; empty if it lies outside the memory.
    @inline(__always)
    func rows<Row: BitwiseCopyable>(_ type: Row.Type, _ extent: Extent) -> UnsafeBufferPointer<Row> {
        let offset = Int(extent.first) &* 8
        let count = extent.count
        guard count > 0, offset &+ count &* MemoryLayout<Row>.stride <= byteCount else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return UnsafeBufferPointer(start: (base + offset).assumingMemoryBound(to: type), count: count)
    }

    func port(atSlot slot: UInt16) -> UnsafePointer<PortRow>? {
        let slots = rows(Reference.self, root.pointee.slots)
        guard Int(slot) < min(slots.count, Self.slotCountMaximum) else { return nil }
        return row(PortRow.self, at: slots[Int(slot)])
    }

    func datapath(of port: UnsafePointer<PortRow>) -> UnsafePointer<DatapathRow>? {
        datapath(index: port.pointee.datapath)
    }

    func datapath(index: UInt32) -> UnsafePointer<DatapathRow>? {
        row(DatapathRow.self, at: element(Int(index), of: root.pointee.datapaths))
    }

    func datapath(vni: UInt32) -> UnsafePointer<DatapathRow>? {
        find(KeyRow(.vni, low: UInt64(vni), value: 0), in: root.pointee.keys).flatMap {
            datapath(index: $0.pointee.value)
        }
    }

    func port(key: UInt16, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<PortRow>? {
        row(PortRow.self, at: element(Int(key), of: datapath.pointee.ports))
    }

    func port(mac: UInt64, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<PortRow>? {
        find(KeyRow(.mac, low: mac, value: 0), in: datapath.pointee.keys).flatMap {
            port(key: UInt16(truncatingIfNeeded: $0.pointee.value), in: datapath)
        }
    }

    /// The neighbor with an address: `value` is its port's key, `mac` its MAC address.
    func neighbor(ipv4 address: UInt32, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<KeyRow>? {
        find(KeyRow(.ipv4Neighbor, low: UInt64(address), value: 0), in: datapath.pointee.keys)
    }

    /// The neighbor with an address: `value` is its port's key, `mac` its MAC address.
    func neighbor(ipv6 address: IPv6Address, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<KeyRow>? {
        find(KeyRow(.ipv6Neighbor, high: address.high, low: address.low, value: 0), in: datapath.pointee.keys)
    }

    /// The virtual port with an address.
    func virtualPort(ipv4 address: UInt32, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<PortRow>? {
        find(KeyRow(.virtualIPv4, low: UInt64(address), value: 0), in: datapath.pointee.keys).flatMap {
            port(key: UInt16(truncatingIfNeeded: $0.pointee.value), in: datapath)
        }
    }

    /// The virtual port with an address.
    func virtualPort(ipv6 address: IPv6Address, in datapath: UnsafePointer<DatapathRow>) -> UnsafePointer<PortRow>? {
        find(KeyRow(.virtualIPv6, high: address.high, low: address.low, value: 0), in: datapath.pointee.keys).flatMap {
            port(key: UInt16(truncatingIfNeeded: $0.pointee.value), in: datapath)
        }
    }

    /// The number of the chassis that has this encap, or -1.
    func chassis(encap: IPAddress) -> Int {
        find(KeyRow(encap: encap, value: 0), in: root.pointee.keys).map { Int($0.pointee.value) } ?? -1
    }

    /// The reference to an element of a vector; 0 if there is none.
    func element(_ index: Int, of vector: Vector) -> Reference {
        var level = Int(min(vector.levels, UInt32(Node.vectorLevelMaximum)))
        guard index >= 0, index >> (level &* Node.bitCount) == 0 else { return 0 }
        var reference = level == 0 ? 0 : vector.root
        while level > 0 {
            level &-= 1
            reference = word(index &>> (level &* Node.bitCount), of: reference)
        }
        return reference
    }

    /// The row of a trie that has this row's key.
    func find(_ key: KeyRow, in trie: Reference) -> UnsafePointer<KeyRow>? {
        var hash = key.hash(seed: root.pointee.hashSeed)
        var reference = trie
        var level = 0
        while reference & 1 == 0, level < Node.trieLevelMaximum {
            guard reference != 0 else { return nil }
            reference = word(Int(truncatingIfNeeded: hash), of: reference)
            hash &>>= UInt64(Node.bitCount)
            level &+= 1
        }
        guard reference & 1 == 1, let row = row(KeyRow.self, at: reference & ~1), row.pointee.hasKey(of: key) else {
            return nil
        }
        return row
    }

    /// A word of a node, by the lowest bits of its number.
    @inline(__always)
    private func word(_ number: Int, of node: Reference) -> Reference {
        let offset = Int(node) &* 8
        guard node != 0, offset &+ Node.byteCount <= byteCount else { return 0 }
        let place = number & (Node.wordCount &- 1)
        return (base + offset).load(fromByteOffset: place &* MemoryLayout<Reference>.stride, as: Reference.self)
    }
}

extension KeyRow {
    init(encap: IPAddress, value: UInt32) {
        switch encap {
        case .v4(let address): self.init(.ipv4Encap, low: UInt64(address.rawValue), value: value)
        case .v6(let address): self.init(.ipv6Encap, high: address.high, low: address.low, value: value)
        }
    }

    /// The path to the key: the lowest bits tell the word of a trie's first node, and so on.
    func hash(seed: UInt64) -> UInt64 { spread(UInt64(kind), high, low, seed: seed) }
}

/// Mixes the words of a key by a seed, so that guests cannot choose keys that meet.
func spread(_ scope: UInt64, _ high: UInt64, _ low: UInt64, seed: UInt64) -> UInt64 {
    let first = (low ^ seed ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: scope ^ 0xe703_7ed1_a0b4_28db)
    let second = (first.high ^ first.low ^ high).multipliedFullWidth(by: 0x8ebc_6af0_9c88_c6e3 ^ seed)
    return second.high ^ second.low
}
