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

    /// Makes the rows of the touched objects of a kind, and of what hosts are told of them.
    ///
    /// The rows of each table stay together, so that those of a commit are nearly in order.
    mutating func seal<Object: Kind>(_ kind: Object.Type, _ touched: [ObjectID]) {
        var records: [CommitChange] = []
        if Object.kind.letsMembersGo { for id in touched { network.northbound.dropLostMembers(of: kind, id) } }
        for id in touched {
            let old = base.northbound[keyPath: Object.table][id]
            noteReplaced(old?.bytes)
            if let new = network.northbound[keyPath: Object.table][id] {
                seal(new, in: old)
                if let record = Object.record(of: new, in: &self) {
                    if let row = seal(record) { records.append(row) }
                    continue
                }
                if let key = Object.recordKey(of: id) { network.southbound.remove(key) }
            } else if let old {
                note(old.owner, nil)
                let row = CommitChange(kind: .object(Object.kind), id: id.description, object: nil, name: old.name)
                rows.append(row)
            }
            if let key = Object.recordKey(of: id), let row = row(of: key) { records.append(row) }
        }
        rows += records
        for id in touched { Object.appendRows(of: id, to: &self) }
    }

    private mutating func seal<Object: Kind>(_ new: Stored<Object>, in old: Stored<Object>?) {
        if let old, old.value == new.value, old.owner == new.owner { return network.northbound.put(old) }
        if new.configRevision == stamp.revision { note(old?.owner, new.owner) }
        var sealed = new
        sealed.revision = stamp.revision
        sealed.updatedAt = stamp.time
        sealed.bytes = sealed.json(in: network.northbound)
        network.northbound.seal(sealed)
        rows.append(CommitChange(kind: .object(Object.kind), id: new.id.description, object: sealed.bytes))
    }

    /// The topologies that a user's change of an object touches.
    private mutating func note(_ owners: String?...) {
        for owner in owners { if let owner { self.owners.insert(owner) } }
    }

    /// Puts the record of an object.
    /// - Returns: Its row, if it is another one than before.
    private mutating func seal(_ record: Record) -> CommitChange? {
        let key = record.key
        let old = base.southbound.entries[key]
        noteReplaced(old?.bytes)
        let new = put(record, inPlaceOf: old)
        return new.map { CommitChange(kind: .record(key.kind), id: key.id, object: $0.bytes) }
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
