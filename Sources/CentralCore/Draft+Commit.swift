import HashTreeCollections
import JSON
import Northbound
import Northd
import Persistent
import Southbound
import Wire

extension Draft {
    /// Makes the commit: objects that did change get the new revision and their canonical JSON, objects that were
    /// touched but are as before keep theirs.
    /// - Returns: `nil` where nothing changed.
    /// - Throws: ``Refusal`` where the commit is larger than the log takes.
    mutating func finish(
        author: String,
        requestID: String,
        byteCountMaximum: Int
    ) throws(Refusal) -> Commit? {
        var rows = sealSwitches() + sealPorts()
        rows += sealRecords() + sealLedger()
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

    private mutating func sealSwitches() -> [CommitChange] {
        var rows: [CommitChange] = []
        for id in switches {
            let old = base.northbound.switches[id]
            if let new = network.northbound.switches[id] {
                if let old, old.value == new.value {
                    network.northbound.put(old)
                    continue
                }
                network.northbound.seal(switch: id, revision: stamp.revision, time: stamp.time)
                let bytes = network.northbound.switches[id]?.bytes
                rows.append(CommitChange(kind: .logicalSwitch, id: id.description, object: bytes))
            } else if old != nil {
                rows.append(CommitChange(kind: .logicalSwitch, id: id.description, object: nil))
            }
        }
        return rows
    }

    private mutating func sealPorts() -> [CommitChange] {
        var rows: [CommitChange] = []
        for id in ports {
            let old = base.northbound.ports[id]
            if let new = network.northbound.ports[id] {
                if let old, old.value == new.value {
                    network.northbound.put(old)
                    continue
                }
                network.northbound.seal(port: id, revision: stamp.revision, time: stamp.time)
                let bytes = network.northbound.ports[id]?.bytes
                rows.append(CommitChange(kind: .logicalSwitchPort, id: id.description, object: bytes))
            } else if old != nil {
                rows.append(CommitChange(kind: .logicalSwitchPort, id: id.description, object: nil))
            }
        }
        return rows
    }

    private mutating func sealRecords() -> [CommitChange] {
        let keys =
            switches.map { RecordKey.datapathBinding($0) } + ports.map { RecordKey.portBinding($0) }
            + chassis.map { RecordKey.chassis($0) }
        var rows: [CommitChange] = []
        for key in keys {
            guard let kind = CommitChange.Kind(rawValue: key.kind) else { continue }
            let old = base.southbound.entries[key]
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

    private mutating func sealLedger() -> [CommitChange] {
        var rows: [CommitChange] = []
        for name in chassis {
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
