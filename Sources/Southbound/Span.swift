import Persistent
import Wire

/// The part of the southbound database that one chassis is told: the datapaths that it has ports in, all their ports,
/// what these refer to, the chassis that share them, and its own record.
///
/// The datapaths are the closure over links between datapaths; there are no links yet (routers will add them), so
/// the closure is the set of datapaths with a local port.
public struct Span: Sendable {
    public let chassis: String
    let database: SouthboundDatabase
    let datapaths: OrderedMap<ObjectID, Int>

    public init(of chassis: String, in database: SouthboundDatabase) {
        self.chassis = chassis
        self.database = database
        datapaths = database.datapathsByChassis[chassis] ?? OrderedMap()
    }

    public var datapathIDs: [ObjectID] { datapaths.map(\.key) }

    /// True if the chassis is told of this datapath.
    public func contains(datapath: ObjectID) -> Bool { datapaths[datapath] != nil }

    /// True if the chassis is told of another one (or it is itself).
    public func contains(chassis other: String) -> Bool {
        guard other != chassis else { return true }
        return shares(database.datapathsByChassis[other])
    }

    private func shares(_ others: OrderedMap<ObjectID, Int>?) -> Bool {
        guard let others else { return false }
        let (few, many) = others.count < datapaths.count ? (others, datapaths) : (datapaths, others)
        return few.contains { many[$0.key] != nil }
    }

    /// The record under the key, if it is there and the chassis is told of it.
    public func entry(_ key: RecordKey) -> SouthboundDatabase.Entry? {
        guard let entry = database.entries[key] else { return nil }
        let isShared =
            switch entry.record {
            case .chassis(let other): contains(chassis: other.name)
            case .datapathBinding(let datapath): contains(datapath: datapath.id)
            case .portBinding(let port): contains(datapath: port.datapath)
            case .dhcpResponder, .dnsResponder, .mirrorSession: shares(database.datapathsByAttachment[key])
            }
        return isShared ? entry : nil
    }
}
