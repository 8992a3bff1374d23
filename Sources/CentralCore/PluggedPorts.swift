import Southbound
import Wire

/// The ports that a chassis lists as plugged, in the order of their names: two lists of thousands are compared in one
/// pass, in about a millisecond.
struct PluggedPorts: Sendable {
    private var ports: [SyncRequest.PluggedPort] = []

    init() {}

    /// Takes the ports of a sync, which are in order mostly; of a port that is listed twice the highest claim counts.
    init(_ list: [SyncRequest.PluggedPort]) {
        ports.reserveCapacity(list.count)
        for port in list.sorted(by: SyncRequest.PluggedPort.isInOrder) {
            if ports.last?.logicalPort == port.logicalPort { ports.removeLast() }
            ports.append(port)
        }
    }

    var names: [String] { ports.map(\.logicalPort) }

    subscript(name: String) -> SyncRequest.PluggedPort? {
        var low = 0
        var high = ports.count
        while low < high {
            let middle = (low + high) / 2
            if ports[middle].logicalPort < name { low = middle + 1 } else { high = middle }
        }
        guard low < ports.count, ports[low].logicalPort == name else { return nil }
        return ports[low]
    }

    /// Returns the names of the ports that only one of two lists has, or that are not the same in both, in order.
    func namesOfChanges(since older: PluggedPorts) -> [String] {
        var names: [String] = []
        var (own, other) = (ports[...], older.ports[...])
        while let port = own.first ?? other.first {
            if let left = own.first, let right = other.first {
                let isBoth = left.logicalPort == right.logicalPort
                let isOwn = isBoth || left.logicalPort < right.logicalPort
                if !isBoth || left != right { names.append(isOwn ? left.logicalPort : right.logicalPort) }
                if isOwn { own.removeFirst() }
                if isBoth || !isOwn { other.removeFirst() }
            } else {
                names.append(port.logicalPort)
                if own.isEmpty { other.removeFirst() } else { own.removeFirst() }
            }
        }
        return names
    }
}

/// Ports that are to be settled, a piece at a time.
struct PortQueue: Sendable {
    /// The chassis that lists the named ones, or has listed them.
    var chassis = ""
    /// Those by name, in order.
    var names: ArraySlice<String> = []
    /// Those by identity, in order.
    var ids: ArraySlice<ObjectID> = []

    var isEmpty: Bool { names.isEmpty && ids.isEmpty }

    /// The ports of both, if they are of one chassis.
    func joined(with other: PortQueue) -> PortQueue? {
        guard !chassis.isEmpty, chassis == other.chassis else { return nil }
        return PortQueue(chassis: chassis, names: union(names, other.names), ids: union(ids, other.ids))
    }

    /// Takes some out, which may be fewer than there are left.
    mutating func next(_ count: Int) -> (names: ArraySlice<String>, ids: ArraySlice<ObjectID>) {
        let some = names.prefix(count)
        let others = ids.prefix(count - some.count)
        names = names.dropFirst(some.count)
        ids = ids.dropFirst(others.count)
        return (some, others)
    }
}

/// Returns what is in either of two lists, both in order, each once.
func union<Element: Comparable>(
    _ left: ArraySlice<Element>,
    _ right: ArraySlice<Element>
) -> ArraySlice<Element> {
    guard !left.isEmpty else { return right }
    guard !right.isEmpty else { return left }
    var all: ArraySlice<Element> = []
    all.reserveCapacity(left.count + right.count)
    var (left, right) = (left, right)
    while let first = left.first, let second = right.first {
        all.append(min(first, second))
        if first <= second { left.removeFirst() }
        if second <= first { right.removeFirst() }
    }
    return all + left + right
}
