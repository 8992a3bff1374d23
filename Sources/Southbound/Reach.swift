import Persistent
import Wire

/// The chassis that a commit concerns, by the datapaths that they share and not one by one: ten thousand chassis on one
/// datapath are one entry.
public struct Reach: Sendable {
    /// The datapaths of which every chassis with a port in them has something to hear.
    public private(set) var datapaths: Set<ObjectID> = []
    /// The chassis that are concerned themselves: described anew, or with other ports than before.
    public private(set) var chassis: Set<String> = []

    /// Creates the reach of a commit.
    /// - Parameters:
    ///   - touched: the records that the commit puts or deletes.
    ///   - before: the southbound database before the commit.
    ///   - after: the one after it.
    public init(of touched: [RecordKey], before: SouthboundDatabase, after: SouthboundDatabase) {
        for key in touched { note(key, before, after) }
    }

    private mutating func note(_ key: RecordKey, _ before: SouthboundDatabase, _ after: SouthboundDatabase) {
        switch key {
        case .chassis(let name):
            chassis.insert(name)
            for database in [before, after] {
                guard let ids = database.datapathsByChassis[name] else { continue }
                for entry in ids { datapaths.insert(entry.key) }
            }
        case .datapathBinding(let id): datapaths.insert(id)
        case .dhcpResponder, .dnsResponder, .mirrorSession:
            for database in [before, after] {
                guard let ids = database.datapathsByAttachment[key] else { continue }
                for entry in ids { datapaths.insert(entry.key) }
            }
        case .portBinding(let id):
            let old = before.place(ofPort: id)
            let new = after.place(ofPort: id)
            if let old { datapaths.insert(old.datapath) }
            if let new, new.datapath != old?.datapath { datapaths.insert(new.datapath) }
            guard old?.locations != new?.locations || old?.datapath != new?.datapath else { return }
            for location in (old?.locations ?? []) + (new?.locations ?? []) { chassis.insert(location.chassis) }
        }
    }
}
