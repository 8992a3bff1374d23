import DequeModule
import Persistent
import Southbound
import Wire

/// The chassis that have something to hear, in the order in which they are told.
///
/// News of a whole datapath are one entry, and its chassis are found when their turn comes: a commit costs the same
/// however many hosts there are, and many commits in a row wake a host once.
struct WakeQueue: Sendable {
    private var chassis: Deque<String> = []
    private var isWaiting: Set<String> = []
    private var datapaths: Deque<ObjectID> = []
    private var isMarked: Set<ObjectID> = []
    /// The datapath whose chassis are being told, and the one that was told last.
    private var walk: (datapath: ObjectID, after: String?)?

    /// True if nobody is left to tell.
    var isEmpty: Bool { chassis.isEmpty && datapaths.isEmpty && walk == nil }

    /// Adds whom a commit concerns.
    mutating func note(_ reach: Reach) {
        for name in reach.chassis.sorted() { note(chassis: name) }
        for id in reach.datapaths.sorted() where isMarked.insert(id).inserted { datapaths.append(id) }
    }

    mutating func note(chassis name: String) {
        if isWaiting.insert(name).inserted { chassis.append(name) }
    }

    /// The next chassis to look at: maybe one that has been told already.
    /// - Parameter database: where the chassis of datapaths are found.
    mutating func next(in database: SouthboundDatabase) -> String? {
        if let name = chassis.popFirst() {
            isWaiting.remove(name)
            return name
        }
        while true {
            if let (id, after) = walk {
                let entries = database.chassisByDatapath[id]?.entries(after: after, limit: 1) ?? []
                if let name = entries.first?.key {
                    walk = (id, name)
                    return name
                }
                walk = nil
            }
            guard let id = datapaths.popFirst() else { return nil }
            isMarked.remove(id)
            walk = (id, nil)
        }
    }
}
