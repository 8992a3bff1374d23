import JSON
import NetworkModel
import Persistent
import Storage
import Wire

extension Retention {
    init(_ commitCount: Int, bytes: Int = 64 << 20, slice: Int = 1) {
        self.init()
        commitCountMaximum = commitCount
        byteCountMaximum = bytes
        sliceCountMaximum = slice
    }
}

/// Commits whose effect can be told from a revision alone.
enum Workload {
    static let epoch: UInt64 = 0x0123_4567_89ab_cdef

    /// In the year 2096: the audit forgets none of it.
    static let time: Int64 = 4_000_000_000

    /// Commit `revision` puts the row of port `revision % 8`; every fifth deletes the row put three before.
    /// - Parameter padding: Bytes that make it longer.
    static func commit(_ revision: UInt64, epoch: UInt64 = epoch, padding: Int = 0) -> Commit {
        let object: JSONValue = ["bind_seq": .integer(Int64(revision)), "bound_at": 1, "claims": []]
        var changes = [CommitChange(kind: .bindingState, id: port(revision).description, object: object.bytes)]
        if revision % 5 == 0 {
            changes.insert(
                CommitChange(kind: .bindingState, id: port(revision - 3).description, object: nil),
                at: 0
            )
        }
        return Commit(
            revision: revision,
            epoch: epoch,
            time: time,
            author: "test",
            requestID: "r\(revision)" + String(repeating: "x", count: padding),
            changes: changes
        )
    }

    /// A commit that takes at least this many bytes.
    static func large(_ revision: UInt64, byteCount: Int) -> Commit {
        Commit(
            revision: revision,
            epoch: epoch,
            time: time,
            author: "test",
            requestID: String(repeating: "x", count: byteCount),
            changes: []
        )
    }

    static func commits(_ revisions: ClosedRange<UInt64>) -> [Commit] { revisions.map { commit($0) } }

    private static func port(_ revision: UInt64) -> ObjectID { ObjectID(high: 0, low: revision % 8) }

    /// Returns the state of the rows after commit `revision`: the fence of each port.
    static func state(at revision: UInt64) -> State {
        var fences: [ObjectID: UInt64] = [:]
        for revision in revision == 0 ? [] : Array(1...revision) {
            if revision % 5 == 0 { fences[port(revision - 3)] = nil }
            fences[port(revision)] = revision
        }
        return State(epoch: epoch, revision: revision, fences: fences)
    }

    struct State: Equatable {
        var epoch: UInt64
        var revision: UInt64
        var fences: [ObjectID: UInt64]

        init(epoch: UInt64, revision: UInt64, fences: [ObjectID: UInt64]) {
            self.epoch = epoch
            self.revision = revision
            self.fences = fences
        }

        /// Creates the state of a store, its history applied.
        init(_ contents: StoreContents) throws {
            var network = contents.network
            for commit in contents.history { try network.apply(commit) }
            epoch = network.epoch
            revision = network.revision
            fences = [:]
            for (port, state) in network.ledger.bindings { fences[port] = state.bindSeq }
        }
    }
}
