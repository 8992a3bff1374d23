import JSON
import NetworkModel
import Persistent
import Southbound
import Wire

extension Draft {
    /// Says what changed: objects that did get the new revision and their canonical JSON, objects that were touched
    /// but are as before keep theirs.
    mutating func seal() {
        // In the order that a commit has, so that little is left to sort.
        let switches = switches.sorted()
        let ports = ports.sorted()
        rows += sealSwitches(switches) + sealPorts(ports)
        rows += sealRecords(switches, ports) + sealLedger(ports)
        rows += owners.sorted().map { owner in
            network.northbound.setRevision(stamp.revision, ofTopology: owner)
            return network.northbound.topologyRow(owner)
        }
    }

    /// Keeps an answer.
    mutating func keep(_ answer: Ledger.KeptAnswer, named name: String) {
        network.ledger.setAnswer(answer, named: name)
        rows.append(network.ledger.answerRow(name))
    }

    /// Forgets the oldest answers that are beyond the bounds.
    /// - Returns: Whether there are more of them.
    mutating func forgetAnswers(_ configuration: Configuration, atMost count: Int) -> Bool {
        var left = count
        while let oldest = network.ledger.answers.oldest,
            network.ledger.answers.isBeyond(configuration, at: stamp.time)
        {
            guard left > 0 else { return true }
            left -= 1
            network.ledger.setAnswer(nil, named: oldest.name)
            rows.append(network.ledger.answerRow(oldest.name))
        }
        return false
    }

    /// Seals the draft and makes the commit, as of the core's own accord.
    mutating func finish(author: String, byteCountMaximum: Int) throws(Refusal) -> Commit? {
        seal()
        return try commit(author: author, requestID: "", source: "", byteCountMaximum: byteCountMaximum)
    }

    /// Makes the commit of a draft that is sealed.
    /// - Returns: `nil` where nothing changed.
    /// - Throws: ``Refusal`` where the commit is larger than the log takes.
    mutating func commit(
        author: String,
        requestID: String,
        source: String,
        byteCountMaximum: Int
    ) throws(Refusal) -> Commit? {
        guard !rows.isEmpty else { return nil }
        rows.sort { left, right in
            (left.object == nil ? 0 : 1, left.kind, left.id) < (right.object == nil ? 0 : 1, right.kind, right.id)
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

    private mutating func sealSwitches(_ switches: [ObjectID]) -> [CommitChange] {
        var rows: [CommitChange] = []
        for id in switches {
            let old = base.northbound.switches[id]
            noteReplaced(old?.bytes)
            if let new = network.northbound.switches[id] {
                if let old, old.value == new.value, old.owner == new.owner {
                    network.northbound.put(old)
                    continue
                }
                if new.configRevision == stamp.revision { note(old?.owner, new.owner) }
                network.northbound.seal(switch: id, revision: stamp.revision, time: stamp.time)
                let bytes = network.northbound.switches[id]?.bytes
                rows.append(CommitChange(kind: .logicalSwitch, id: id.description, object: bytes))
            } else if let old {
                note(old.owner, nil)
                let name = old.value.name
                rows.append(CommitChange(kind: .logicalSwitch, id: id.description, object: nil, name: name))
            }
        }
        return rows
    }

    private mutating func sealPorts(_ ports: [ObjectID]) -> [CommitChange] {
        var rows: [CommitChange] = []
        for id in ports {
            let old = base.northbound.ports[id]
            noteReplaced(old?.bytes)
            if let new = network.northbound.ports[id] {
                if let old, old.value == new.value, old.owner == new.owner {
                    network.northbound.put(old)
                    continue
                }
                if new.configRevision == stamp.revision { note(old?.owner, new.owner) }
                network.northbound.seal(port: id, revision: stamp.revision, time: stamp.time)
                let bytes = network.northbound.ports[id]?.bytes
                rows.append(CommitChange(kind: .logicalSwitchPort, id: id.description, object: bytes))
            } else if let old {
                note(old.owner, nil)
                let name = old.value.name
                rows.append(CommitChange(kind: .logicalSwitchPort, id: id.description, object: nil, name: name))
            }
        }
        return rows
    }

    /// The topologies that a user's change of an object touches.
    private mutating func note(_ owners: String?...) {
        for owner in owners { if let owner { self.owners.insert(owner) } }
    }

    private mutating func sealRecords(_ switches: [ObjectID], _ ports: [ObjectID]) -> [CommitChange] {
        let keys =
            chassis.sorted().map { RecordKey.chassis($0) } + switches.map { RecordKey.datapathBinding($0) }
            + ports.map { RecordKey.portBinding($0) }
        var rows: [CommitChange] = []
        for key in keys {
            guard let kind = CommitChange.Kind(rawValue: key.kind) else { continue }
            let old = base.southbound.entries[key]
            noteReplaced(old?.bytes)
            if let new = network.southbound.entries[key] {
                if let old, old.record == new.record {
                    network.southbound.put(old)
                    continue
                }
                let entry = SouthboundDatabase.Entry(record: new.record, revision: stamp.revision)
                network.southbound.put(entry)
                rows.append(CommitChange(kind: kind, id: key.id, object: entry.bytes))
            } else if old != nil {
                rows.append(CommitChange(kind: kind, id: key.id, object: nil))
            }
        }
        return rows
    }

    private mutating func sealLedger(_ ports: [ObjectID]) -> [CommitChange] {
        var rows: [CommitChange] = []
        for name in chassis.sorted() {
            let row = network.ledger.chassisRow(name)
            if row == base.ledger.chassisRow(name) {
                network.ledger.setChassis(base.ledger.chassis[name], named: name)
            } else {
                rows.append(row)
            }
        }
        for id in ports where network.ledger.bindings[id] != base.ledger.bindings[id] {
            rows.append(network.ledger.bindingRow(id))
        }
        for space in keySpaces where network.ledger.lastKeys[space] != base.ledger.lastKeys[space] {
            rows.append(network.ledger.lastKeyRow(space))
        }
        return rows
    }
}

extension Ledger.KeptAnswers {
    /// Whether the oldest one is to be forgotten.
    func isBeyond(_ configuration: Configuration, at time: Int64) -> Bool {
        guard let oldest else { return false }
        return count > configuration.keptAnswerCountMaximum || byteCount > configuration.keptAnswerByteCountMaximum
            || oldest.answer.time + configuration.keptAnswerSeconds < time
    }
}
