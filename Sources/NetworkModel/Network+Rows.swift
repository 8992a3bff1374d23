import Persistent
import Southbound
import Wire

extension Network {
    /// The rows that the network consists of, those that others refer to first: what a store would have folded all
    /// commits into. ``init(epoch:revision:rows:)`` makes the same network of them.
    public var rows: Rows { Rows(self) }

    /// The rows of a network, made piece by piece.
    public struct Rows {
        private let network: Network
        private var kinds = CommitChange.Kind.allCases[...]
        private var nextOfKind: () -> StoredRow?

        fileprivate init(_ network: Network) {
            self.network = network
            nextOfKind = { nil }
        }

        /// The next rows, at most so many; none at the end.
        public mutating func piece(of count: Int) -> [StoredRow] {
            var rows: [StoredRow] = []
            while rows.count < count {
                if let row = nextOfKind() {
                    rows.append(row)
                } else if let kind = kinds.popFirst() {
                    nextOfKind = network.rows(of: kind)
                } else {
                    break
                }
            }
            return rows
        }
    }

    private func rows(of kind: CommitChange.Kind) -> () -> StoredRow? {
        switch kind {
        case .object(let objectKind):
            return walk(objectKind.row.byName(northbound)) { StoredRow(kind, $1.id.description, $1.revision, $1.bytes) }
        case .record(let recordKind):
            return walk(southbound.entries) {
                $0.kind == recordKind ? StoredRow(kind, $0.id, $1.revision, $1.bytes) : nil
            }
        case .chassisState: return walk(ledger.chassis) { StoredRow(ledger.chassisRow($0), $1.revision) }
        case .bindingState: return walk(ledger.bindings) { id, _ in StoredRow(ledger.bindingRow(id), revision) }
        case .lastKey: return walk(ledger.lastKeys) { space, _ in StoredRow(ledger.lastKeyRow(space), revision) }
        case .topology:
            return walk(northbound.topologies) { StoredRow(northbound.topologyRow($0), $1.revision) }
        case .keptAnswer: return walk(ledger.answers.byName) { StoredRow(ledger.answerRow($0), $1.revision) }
        case .token:
            return walk(access.tokens) { StoredRow(kind, $0, $1.revision, access.tokenRow($0)) }
        case .enrolment:
            return walk(access.enrolments) { name, _ in StoredRow(kind, name, revision, access.enrolmentRow(name)) }
        }
    }

    /// The rows that `row` makes of a map's entries, one at a time.
    private func walk<Key, Value>(
        _ map: OrderedMap<Key, Value>,
        _ row: @escaping (Key, Value) -> StoredRow?
    ) -> () -> StoredRow? {
        var entries = map.makeIterator()
        return {
            while let entry = entries.next() {
                if let row = row(entry.key, entry.value) { return row }
            }
            return nil
        }
    }
}

extension StoredRow {
    fileprivate init?(_ kind: CommitChange.Kind, _ id: String, _ revision: UInt64, _ object: [UInt8]?) {
        guard let object else { return nil }
        self.init(kind: kind, id: id, revision: revision, object: object)
    }

    fileprivate init?(_ change: CommitChange, _ revision: UInt64) {
        self.init(change.kind, change.id, revision, change.object)
    }
}
