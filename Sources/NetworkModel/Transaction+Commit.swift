import Persistent
import Southbound
import Wire

extension Transaction {
    /// Seals the changes: objects that changed get the new revision and their canonical JSON, objects that were touched
    /// but are as before keep theirs.
    public mutating func seal() {
        for kind in ObjectKind.allCases { kind.row.seal(&self, touched(kind)) }
        for name in chassis.sorted() {
            if let row = row(of: .chassis(name)) { rows.append(row) }
            appendStateRow(of: name)
        }
        for space in keySpaces where network.ledger.lastKeys[space] != base.ledger.lastKeys[space] {
            rows.append(network.ledger.lastKeyRow(space))
        }
        for owner in owners.sorted() {
            network.northbound.setRevision(stamp.revision, ofTopology: owner)
            rows.append(network.northbound.topologyRow(owner))
        }
    }

    /// The objects whose texts one piece of work makes.
    private static let pieceCount = 256

    /// Makes the rows of the touched objects of a kind, and of what hosts are told of them.
    ///
    /// The rows of each table stay together, so that those of a commit are nearly in order.
    mutating func seal<Object: Kind>(_ kind: Object.Type, _ touched: [ObjectID]) {
        guard !touched.isEmpty else { return }
        if Object.kind.letsMembersGo { for id in touched { network.northbound.dropLostMembers(of: kind, id) } }
        var records: [CommitChange] = []
        for seals in seals(of: kind, touched) {
            for seal in seals { put(seal, &records) }
        }
        rows += records
        for id in touched { Object.appendRows(of: id, to: &self) }
    }

    /// An object and its record, before sealing and after it.
    private struct Seal<Object: Kind>: Sendable {
        let id: ObjectID
        /// The object before the commit, and as the commit leaves it; `nil` if there is none.
        let old, new: Stored<Object>?
        /// False if the object was touched but is as before.
        let isChanged: Bool
        let oldRecord: SouthboundDatabase.Entry?
        /// `nil` if hosts are told of no such object, or nothing new.
        let newRecord: SouthboundDatabase.Entry?
        let hasRecord: Bool
    }

    /// Translates and encodes objects, which do not depend on each other any more, by all who are there.
    private func seals<Object: Kind>(of kind: Object.Type, _ touched: [ObjectID]) -> [[Seal<Object>]] {
        // The closure lets go of the maps before anything is put: those that nothing else holds change in place.
        workforce.slices(of: touched, by: Self.pieceCount) { [self] ids in ids.map { seal(of: kind, $0) } }
    }

    private func seal<Object: Kind>(of kind: Object.Type, _ id: ObjectID) -> Seal<Object> {
        let old = base.northbound[keyPath: Object.table][id]
        let new = network.northbound[keyPath: Object.table][id]
        let isChanged = new.map { new in old.map { $0.value != new.value || $0.owner != new.owner } ?? true } ?? false
        let record = new.flatMap { Object.record(of: $0, in: self) }
        let oldRecord = record.flatMap { base.southbound.entries[$0.key] }
        return Seal(
            id: id,
            old: old,
            new: isChanged ? new.map(sealed) : new,
            isChanged: isChanged,
            oldRecord: oldRecord,
            newRecord: record.flatMap { record in
                record == oldRecord?.record
                    ? nil : SouthboundDatabase.Entry(record: record, revision: stamp.revision)
            },
            hasRecord: record != nil
        )
    }

    /// An object with the commit's revision and its canonical JSON.
    private func sealed<Object: Kind>(_ new: Stored<Object>) -> Stored<Object> {
        var sealed = new
        sealed.revision = stamp.revision
        sealed.updatedAt = stamp.time
        sealed.bytes = sealed.json(in: network.northbound)
        return sealed
    }

    private mutating func put<Object: Kind>(_ seal: Seal<Object>, _ records: inout [CommitChange]) {
        noteReplaced(seal.old?.bytes)
        if let new = seal.new {
            if !seal.isChanged, let old = seal.old {
                network.northbound.put(old)
            } else {
                if new.configRevision == stamp.revision { note(seal.old?.owner, new.owner) }
                network.northbound.seal(new)
                rows.append(CommitChange(kind: .object(Object.kind), id: seal.id.description, object: new.bytes))
            }
            if seal.hasRecord {
                noteReplaced(seal.oldRecord?.bytes)
                guard let entry = seal.newRecord ?? seal.oldRecord else { return }
                network.southbound.put(entry)
                guard seal.newRecord != nil else { return }
                let key = entry.record.key
                return records.append(CommitChange(kind: .record(key.kind), id: key.id, object: entry.bytes))
            }
            if let key = Object.recordKey(of: seal.id) { network.southbound.remove(key) }
        } else if let old = seal.old {
            note(old.owner, nil)
            let id = seal.id.description
            rows.append(CommitChange(kind: .object(Object.kind), id: id, object: nil, name: old.name))
        }
        if let key = Object.recordKey(of: seal.id), let row = row(of: key) { records.append(row) }
    }

    /// The topologies that a user's change of an object touches.
    private mutating func note(_ owners: String?...) {
        for owner in owners { if let owner { self.owners.insert(owner) } }
    }

    /// The row of a southbound record as it is now, if it is another one than before.
    private mutating func row(of key: RecordKey) -> CommitChange? {
        let old = base.southbound.entries[key]
        noteReplaced(old?.bytes)
        let new = network.southbound.entries[key]
        guard old?.record != new?.record else { return nil }
        return CommitChange(kind: .record(key.kind), id: key.id, object: new?.bytes)
    }

    private mutating func appendStateRow(of chassis: String) {
        let row = network.ledger.chassisRow(chassis)
        if row == base.ledger.chassisRow(chassis) {
            network.ledger.setChassis(base.ledger.chassis[chassis], named: chassis)
        } else {
            rows.append(row)
        }
    }

    /// Appends the row of what is remembered of a port's bindings, if that has changed.
    mutating func appendBindingRow(of port: ObjectID) {
        guard network.ledger.bindings[port] != base.ledger.bindings[port] else { return }
        rows.append(network.ledger.bindingRow(port))
    }

    /// Keeps the answer to a request; `nil` forgets it.
    public mutating func setAnswer(_ answer: Ledger.KeptAnswer?, named name: String) {
        network.ledger.setAnswer(answer, named: name)
        rows.append(network.ledger.answerRow(name))
    }

    /// Seals the transaction and makes the commit, as of the core's own accord.
    public mutating func finish(author: String, byteCountMaximum: Int) throws(Refusal) -> Commit? {
        seal()
        return try commit(author: author, requestID: "", source: "", byteCountMaximum: byteCountMaximum)
    }

    /// Makes the commit of a transaction that is sealed.
    /// - Returns: `nil` if nothing changed.
    /// - Throws: ``Refusal`` if the commit is larger than the log takes.
    public mutating func commit(
        author: String,
        requestID: String,
        source: String,
        byteCountMaximum: Int
    ) throws(Refusal) -> Commit? {
        guard !rows.isEmpty else { return nil }
        rows.sort { left, right in
            if (left.object == nil) != (right.object == nil) { return left.object == nil }
            return left.kind == right.kind ? left.id < right.id : left.kind < right.kind
        }
        network.revision = stamp.revision
        let commit = Commit(
            revision: stamp.revision,
            epoch: network.epoch,
            time: stamp.time,
            author: author,
            requestID: requestID,
            source: source,
            changes: rows
        )
        guard commit.encoded.count <= byteCountMaximum else {
            throw Refusal(
                .commitTooLarge,
                "The changes come to \(commit.encoded.count) bytes, and one commit holds \(byteCountMaximum); "
                    + "make several requests of them."
            )
        }
        return commit
    }
}
