import Southbound

/// The loss that a share would cause to a host that uses another.
struct ShareLoss: Hashable, Sendable {
    /// Most of the share: the part of its logical ports that must be gone for a snapshot to be held although no plugged
    /// port goes. A backup that differs little takes less, a central that knows another network takes all.
    static let mostOfShare = 0.5

    /// The logical ports that are plugged and bound here, and would not be bound here any more; in order.
    var pluggedPorts: [String] = []
    /// The number of logical ports that would be gone.
    var goneCount = 0
    var portCount = 0

    /// True if it is too much to be believed without a word from somebody.
    var isLarge: Bool { !pluggedPorts.isEmpty || Double(goneCount) > Double(portCount) * Self.mostOfShare }

    /// Compares the logical ports of two shares by name: a port that was made anew by hand
    /// is there.
    init(from old: Share, to new: Share) {
        portCount = old.logicalPorts.count
        goneCount = old.logicalPorts.count { new.binding(of: $0) == nil }
    }

    /// `2 plugged ports (vm1, vm2) and 3 of 4 ports that it knows`
    var text: String {
        let names = pluggedPorts.prefix(Self.namedPortCountMaximum).joined(separator: ", ")
        let more = pluggedPorts.count > Self.namedPortCountMaximum ? ", …" : ""
        let plugged =
            pluggedPorts.isEmpty
            ? "" : "\(pluggedPorts.count) plugged port\(pluggedPorts.count == 1 ? "" : "s") (\(names)\(more)) and "
        return "\(plugged)\(goneCount) of \(portCount) ports that it knows"
    }

    private static let namedPortCountMaximum = 4
}
