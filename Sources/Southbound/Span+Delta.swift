import Persistent
import Wire

extension Span {
    /// What turns the share that a chassis had into the share that it has: share(to) − share(from).
    ///
    /// What enters the span is a put and what leaves it a delete, whatever its own revision. Only what can differ is
    /// looked at: the records that a commit in between touched, and all about the datapaths that entered or left.
    /// - Parameters:
    ///   - old: the span at the revision that the agent has.
    ///   - new: the same chassis' span at the revision that the answer leads to.
    ///   - revision: that of `new`.
    ///   - touched: the records that commits in between touched, with the last revision that did.
    /// - Returns: the changes in order of revision, then of key.
    public static func delta(
        from old: Span,
        to new: Span,
        at revision: UInt64,
        touched: [RecordKey: UInt64]
    ) -> [FeedChange] {
        var candidates = Set(touched.keys)
        for key in touched.keys {
            for span in [old, new] { candidates.formUnion(span.chassisAround(key)) }
        }
        for id in new.datapathIDs where !old.contains(datapath: id) {
            candidates.formUnion(new.keys(aboutDatapath: id))
        }
        for id in old.datapathIDs where !new.contains(datapath: id) {
            candidates.formUnion(old.keys(aboutDatapath: id))
        }
        var changes: [FeedChange] = []
        for key in candidates {
            let before = old.entry(key)
            if let after = new.entry(key) {
                guard before?.revision != after.revision else { continue }
                changes.append(FeedChange(revision: after.revision, change: .put(after.record), bytes: after.bytes))
            } else if before != nil {
                changes.append(FeedChange(revision: touched[key] ?? revision, change: .delete(key)))
            }
        }
        return changes.sorted { ($0.revision, $0.key) < ($1.revision, $1.key) }
    }

    /// The whole share as puts, in order of revision, then of key.
    public var snapshot: [FeedChange] {
        let changes = keys.compactMap { key in
            entry(key).map { FeedChange(revision: $0.revision, change: .put($0.record), bytes: $0.bytes) }
        }
        return changes.sorted { ($0.revision, $0.key) < ($1.revision, $1.key) }
    }

    /// The chassis that a change of a port's place may bring into the share or take from it.
    private func chassisAround(_ key: RecordKey) -> [RecordKey] {
        guard case .portBinding(let port)? = entry(key)?.record else { return [] }
        return port.locations.map { .chassis($0.chassis) }
    }
}

extension SouthboundDatabase {
    /// The chassis whose share a commit changes, in order of name.
    /// - Parameters:
    ///   - touched: the records that the commit put or deleted.
    ///   - old: the database before the commit; `self` is the one after it.
    public func chassisInterested(in touched: [RecordKey], since old: SouthboundDatabase) -> [String] {
        var names: Set<String> = []
        var datapaths: Set<ObjectID> = []
        for key in touched {
            switch key {
            case .chassis(let name):
                names.insert(name)
                for database in [old, self] {
                    datapaths.formUnion(database.datapathsByChassis[name]?.map(\.key) ?? [])
                }
            case .datapathBinding(let id):
                datapaths.insert(id)
            case .portBinding(let id):
                for database in [old, self] {
                    if let port = database.portBinding(id) { datapaths.insert(port.datapath) }
                }
            }
        }
        for id in datapaths {
            for database in [old, self] {
                names.formUnion(database.chassisByDatapath[id]?.map(\.key) ?? [])
            }
        }
        return names.sorted()
    }
}
