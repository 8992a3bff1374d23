import HTTP
import HTTPTypes
import Southbound
import Wire

/// A share of another history that this host holds back, because it lacks ports that are plugged here, or most of the
/// known ones. Central may be empty, or an old copy.
struct Hold: Sendable {
    /// The share that is held back; it follows central.
    var candidate: Share
    /// The loss that it would cause, without the plugged ports.
    var loss: ShareLoss
    /// The revision of the snapshot. Reports of the host name this one, or each commit would make them news.
    let revision: UInt64
    /// True if central no longer continues the candidate: the next sync asks if it continues the share.
    var isStale = false
}

/// The guard against a wrong central: it is followed and told of the plugged ports, but not obeyed.
///
/// A hold ends by itself if central continues the share, or has everything again that was missing; else by a user's
/// command (`heddle agent accept`) or by a restore that was made for it (`heddle central restore --force-hosts`).
extension AgentCore {
    /// The share that syncs with central are about: the one in use, or the one that is held back.
    var told: Share { hold.flatMap { $0.isStale ? nil : $0.candidate } ?? share }

    /// True if a snapshot is of another history than this host's, as far as can be told.
    func isOtherHistory(_ snapshot: Share) -> Bool {
        if forwarder.mustWaitForCentral, forwarder.revision > 0, forwarder.epoch != share.epoch {
            // The share on disk is older than the tables in force.
            return snapshot.epoch != forwarder.epoch || snapshot.revision < forwarder.revision
        }
        guard share.revision > 0 else { return false }
        let last = forwarder.mustWaitForCentral ? max(share.revision, forwarder.revision) : share.revision
        if snapshot.epoch != share.epoch || snapshot.revision < last || share.isHeld { return true }
        if sync.isOtherHistory { return true }
        guard let hash = share.hash, let other = snapshot.hash else { return false }
        return snapshot.revision == share.revision && hash != other
    }

    /// True if a snapshot is used whatever it takes away: its epoch was begun for that, and is new to this host.
    func isForced(_ snapshot: Share, _ answer: FeedAnswer) -> Bool {
        answer.forcesHosts && snapshot.epoch != share.epoch && !share.formerEpochs.contains(snapshot.epoch)
    }

    /// Takes a snapshot for the share, or holds it.
    mutating func take(snapshot: Share, _ answer: FeedAnswer) {
        let isOther = isOtherHistory(snapshot)
        let isForced = isForced(snapshot, answer)
        sync.isOtherHistory = false
        guard isOther, !isForced, loss(by: snapshot).isLarge else {
            if isOther, isForced, loss(by: snapshot).isLarge {
                emit(.log(.warning, "central was restored with --force-hosts: its network is used in any case"))
            }
            return adopt(snapshot, isOther: isOther)
        }
        let loss = loss(by: snapshot)
        if hold == nil {
            emit(
                .log(
                    .error,
                    "central has another history now (epoch \(hexadecimal(snapshot.epoch)), revision "
                        + "\(snapshot.revision)), which would take away \(loss.text); it is held back, "
                        + "and packets still follow revision \(share.revision). If central is right: "
                        + "heddle agent accept"
                )
            )
        }
        hold = Hold(candidate: snapshot, loss: loss, revision: snapshot.revision)
        share.isHeld = true
    }

    /// Lets what is held follow central.
    mutating func follow(_ changes: [RecordChange], of answer: FeedAnswer) {
        guard var held = hold else { return }
        // Not two references, or each change would copy all.
        hold = nil
        held.candidate.apply(changes, revision: answer.to, hash: answer.hash)
        if !changes.isEmpty { held.loss = ShareLoss(from: share, to: held.candidate) }
        hold = held
    }

    /// Goes by another share from now on.
    private mutating func adopt(_ snapshot: Share, isOther: Bool) {
        emit(.log(.info, "took a snapshot of \(snapshot.records.count) records at revision \(snapshot.revision)"))
        var next = snapshot
        next.follow(share)
        if isOther || next.epoch != share.epoch {
            // The forwarder takes no revision below the one that it has, but with everything.
            forwarder.needsSnapshot = true
            forwarder.applied = 0
            forwarder.commit?.isOutdated = true
        }
        forwarder.note(share.changes(to: next))
        share = next
        files.shareChanges = nil
        paths.lacksChassis = true
        hold = nil
        forwarder.goOnWithShare()
        notePlaces()
    }

    /// Central goes on from the share: whatever was held is of no concern any more.
    mutating func endHold() {
        if hold != nil {
            emit(.log(.info, "central continues this host's history; nothing is held back any more"))
            hold = nil
        }
        share.isHeld = false
    }

    /// Notes that central does not continue the last told history. If that was held back, central may continue the
    /// share.
    /// - Returns: True if that is to be asked.
    mutating func tryShareAgain() -> Bool {
        guard let held = hold, !held.isStale else { return false }
        hold?.isStale = true
        sync.line += 1
        sync.unchangedSince = share.revision
        return true
    }

    /// Accepts the held share once it takes nothing away any more.
    mutating func settleHold() {
        guard let held = hold, !held.isStale, !loss(by: held).isLarge else { return }
        emit(.log(.info, "central has everything that was missing; nothing is held back any more"))
        adopt(held.candidate, isOther: true)
    }

    /// A user says that central is right.
    mutating func accept(_ ticket: Ticket) {
        guard let held = hold else {
            let detail = "Nothing is held back: this host uses central's network."
            return emit(.answer(ticket, .refused(Problem(.conflict, code: "nothing_held", detail: detail))))
        }
        guard !held.isStale else {
            let detail = "The agent is just fetching everything from central again; try again in a moment."
            return emit(.answer(ticket, .refused(Problem(.serviceUnavailable, code: "held_is_stale", detail: detail))))
        }
        emit(.log(.warning, "accepted by a user: revision \(held.candidate.revision), without \(loss(by: held).text)"))
        waiting.append(Waiting(ticket: ticket, subject: .acceptance))
        adopt(held.candidate, isOther: true)
        files.shareSaveAt = nil
    }

    /// Answers users who accepted a share when it is on disk: before that, a new start would hold it back again.
    mutating func answerAcceptances(_ failure: String?) {
        guard waiting.contains(where: { $0.subject == .acceptance }) else { return }
        if let failure {
            let detail =
                "The host uses it now, but this cannot be saved (\(failure)): a restart of the agent would hold it "
                + "back again. Repair the state directory."
            answer(.acceptance, .refused(Problem(.insufficientStorage, code: "state_not_saved", detail: detail)))
        } else if !hasUnsavedShare {
            answer(.acceptance, .accepted(epoch: share.epoch, revision: share.revision))
        } else {
            files.shareSaveAt = nil
        }
    }

    /// The held share, as central and users are told.
    var heldShare: HeldShare? {
        guard let hold else { return nil }
        let loss = loss(by: hold)
        return HeldShare(
            epoch: hold.candidate.epoch,
            revision: hold.revision,
            pluggedPortCount: loss.pluggedPorts.count,
            portCount: loss.goneCount,
            epochInForce: forwarder.mustWaitForCentral ? forwarder.epoch : share.epoch,
            revisionInForce: forwarder.mustWaitForCentral ? forwarder.revision : share.revision
        )
    }

    private func loss(by hold: Hold) -> ShareLoss {
        var loss = hold.loss
        loss.pluggedPorts = pluggedPorts(without: hold.candidate)
        return loss
    }

    private func loss(by snapshot: Share) -> ShareLoss {
        var loss = ShareLoss(from: share, to: snapshot)
        loss.pluggedPorts = pluggedPorts(without: snapshot)
        return loss
    }

    /// The logical ports that are plugged and bound here, and that a share no longer binds here.
    private func pluggedPorts(without snapshot: Share) -> [String] {
        ports.values.filter { port in
            guard port.claim > 0, !port.isLeaving, !port.isSetAside else { return false }
            // A forwarder may have tables that are newer than the share.
            let isUp = forwarder.mustWaitForCentral && forwarder.upPorts.contains(port.specification.name)
            let name = port.specification.logicalPort
            return (isUp || isBoundHere(name, in: share)) && !isBoundHere(name, in: snapshot)
        }
        .map(\.specification.logicalPort).sorted()
    }

    private func isBoundHere(_ logicalPort: String, in share: Share) -> Bool {
        share.binding(of: logicalPort)?.location(on: configuration.chassis) != nil
    }
}
