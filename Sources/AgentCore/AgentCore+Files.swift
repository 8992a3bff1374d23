import Southbound

/// The state directory, as the core sees it.
struct FilesState: Hashable, Sendable {
    /// The last save of the ports that was asked for.
    var portsSave: UInt64 = 0
    /// The last save of the ports that is on disk.
    var portsSaved: UInt64 = 0
    /// The mark of the share that was last given to be saved; `nil` if that has failed.
    var shareMark: ShareMark?
    /// The changes of the share since then, by record; `nil` if all of it is to be saved, as at first.
    var shareChanges: [RecordKey: RecordChange]?
    /// True if a save of the share is under way.
    var isSavingShare = false
    /// When the share may be saved next, if it has changed.
    var shareSaveAt: Duration?
    /// True if the last save failed, so that a failure is logged once.
    var hasFailed = false

    /// Notes changes of the share, which it has by now: as many changes as records are no better than all.
    mutating func note(_ changes: [RecordChange], of share: Share) {
        for change in changes {
            let former = shareChanges?[change.key]
            shareChanges?[change.key] = change.following(former, in: share)
        }
        if shareChanges?.count ?? 0 > share.records.count { shareChanges = nil }
    }
}

extension RecordChange {
    /// The change that has the outcome of a former one of the same record and of this one.
    fileprivate func following(_ former: RecordChange?, in share: Share) -> RecordChange {
        guard case .patch(let patch) = self, let former else { return self }
        if case .patch(let first) = former, let both = first.followed(by: patch) { return .patch(both) }
        return share.records[key].map { .put($0) } ?? self
    }
}

extension AgentCore {
    /// Asks for a save of the ports as they are now; its number.
    mutating func savePorts() -> UInt64 {
        files.portsSave += 1
        let stored = ports.values.filter { $0.claim > 0 && !$0.isWire }.map { port in
            StoredPort(
                specification: port.specification,
                isOwned: port.isOwned,
                claim: port.claim,
                isSetAside: port.isSetAside,
                lostTo: port.lostTo,
                activationMark: port.activationMark,
                isLeaving: port.isLeaving,
                place: port.place
            )
        }
        let sorted = stored.sorted { $0.specification.name < $1.specification.name }
        let virtual = virtualPlugs.sorted { $0.key < $1.key }.map {
            StoredVirtualPlug(
                logicalPort: $0.key,
                parent: $0.value.parent,
                claim: $0.value.claim,
                boundSequence: $0.value.boundSequence
            )
        }
        let whole = StoredPorts(lastClaim: lastClaim, ports: sorted, virtualPlugs: virtual)
        emit(.savePorts(whole, save: files.portsSave))
        return files.portsSave
    }

    /// The share is kept as it is now, before the agent ends.
    mutating func saveShareAtOnce() {
        if hasUnsavedShare { saveShare() }
    }

    mutating func shareSaved(_ failure: String?, isFull: Bool, now: Duration) {
        files.isSavingShare = false
        files.shareSaveAt = now + (failure == nil ? Self.shareSavePause : Self.saveRetryInterval)
        noteSave(failure, of: "the share")
        if failure != nil { files.shareMark = nil }
        // The end of a file that could not be written may be cut.
        if failure != nil || isFull { files.shareChanges = nil }
        answerAcceptances(failure)
    }

    /// Logs the first of several failures in a row, and the end of them.
    mutating func noteSave(_ failure: String?, of what: String) {
        if let failure, !files.hasFailed {
            emit(.log(.error, "cannot save \(what): \(failure); going on from memory"))
        } else if failure == nil, files.hasFailed {
            emit(.log(.info, "\(what) can be saved again"))
        }
        files.hasFailed = failure != nil
    }

    mutating func settleFiles(now: Duration) {
        guard hasUnsavedShare else {
            if let due = files.shareSaveAt, due <= now { files.shareSaveAt = nil }
            return
        }
        guard !files.isSavingShare, files.shareSaveAt ?? now <= now else { return }
        saveShare()
    }

    var hasUnsavedShare: Bool { share.mark != files.shareMark }

    private mutating func saveShare() {
        files.isSavingShare = true
        files.shareSaveAt = nil
        files.shareMark = share.mark
        let changes = files.shareChanges?.sorted { $0.key < $1.key }.map(\.value)
        files.shareChanges = [:]
        emit(.saveShare(changes.map { .changes($0, share.mark) } ?? .whole(share)))
    }
}
