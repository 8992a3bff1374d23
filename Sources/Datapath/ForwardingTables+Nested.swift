import Southbound
import Wire

/// Nested ports: the row of their parent tells their slots by their tags.
extension ForwardingTables {
    func addNested(id: ObjectID, of parent: String) {
        nestedPorts[parent, default: []].insert(id)
        outdatedParents.insert(parent)
    }

    func removeNested(id: ObjectID, of parent: String) {
        nestedPorts[parent]?.remove(id)
        if nestedPorts[parent]?.isEmpty ?? false { nestedPorts[parent] = nil }
        outdatedParents.insert(parent)
    }

    /// Lays the rows of parents anew whose nested ports have changed: once, however many of these there are.
    func layParents() {
        let parents = outdatedParents
        outdatedParents = []
        for id in Set(parents.flatMap { portsHere[$0] ?? [] }).sorted() { layAgain(id) }
    }

    /// The nested ports of a logical port that have slots, by tag; of two with one tag the one with the lower identity.
    func nestedRows(of parent: String) -> [NestedRow] {
        var rows: [NestedRow] = []
        for id in (nestedPorts[parent] ?? []).sorted() {
            guard let port = port(id), let tag = port.tag, tag != 0, let slot = slots[port.logicalPort],
                port.locations.contains(where: { $0.chassis == localChassis })
            else { continue }
            if !rows.contains(where: { $0.tag == tag }) { rows.append(NestedRow(tag: tag, slot: slot)) }
        }
        return rows.sorted { $0.tag < $1.tag }
    }
}

extension VLANList {
    /// A bit for each VLAN.
    var words: [UInt64] {
        var words = [UInt64](repeating: 0, count: 64)
        for vlan in ranges.joined() { words[Int(vlan >> 6)] |= 1 << UInt64(vlan & 63) }
        return words
    }
}

extension Tables {
    /// True if any port shares its device with nested ones.
    @inline(__always)
    public var hasNestedPorts: Bool { root.pointee.nestedCount > 0 }

    /// True if a port shares its device with nested ones.
    public func hasNestedPorts(_ slot: UInt16) -> Bool {
        port(atSlot: slot).map { $0.pointee.nested.count > 0 } ?? false
    }

    /// The slot of the nested port that a frame of a port's device is of by its tag; `nil` if it is of the port itself.
    public func nestedSlot(_ tag: UInt16, of slot: UInt16) -> UInt16? {
        guard tag != 0, let parent = port(atSlot: slot) else { return nil }
        let nested = rows(NestedRow.self, parent.pointee.nested)
        var (low, high) = (0, nested.count)
        while low < high {
            let middle = (low &+ high) / 2
            if nested[middle].tag < tag { low = middle &+ 1 } else { high = middle }
        }
        return low < nested.count && nested[low].tag == tag ? nested[low].slot : nil
    }

    /// The slot of the port whose device a nested port shares, and the tag of its frames there; `nil` if the port in
    /// the slot is not nested.
    public func place(ofNested slot: UInt16) -> (parentSlot: UInt16, tag: UInt16)? {
        guard let port = port(atSlot: slot), port.pointee.tag != 0,
            Int(port.pointee.parentSlot) < Self.slotCountMaximum
        else { return nil }
        return (port.pointee.parentSlot, port.pointee.tag)
    }
}
