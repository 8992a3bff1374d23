import AgentCore
import CLinux
import Datapath
import ForwarderProtocol
import Reactor
import Southbound
import Wire

/// The tables of this host and the keys with other hosts, and what the forwarder does not know of them yet.
final class HostTables {
    private let configuration: Configuration
    /// The keys for the tags of datagrams, if they get tags.
    private let keyring: TunnelKeyring?
    private var tables: ForwardingTables?
    /// The encaps of other hosts and the keys with them, by the names of the chassis.
    private var peers: [String: (encaps: [IPAddress], keys: [SipHashKey])] = [:]
    private var untoldKeys: [IPAddress: [SipHashKey]] = [:]
    private var isUntold = false
    /// The changes that are still to be made, the next one last.
    private var pieces: [Piece] = []
    private struct Piece {
        var records: [RecordChange]
        var slots: [String: UInt16]?
        var innerMTU: Int
        var members: [MembershipChange]
    }

    /// The most records of a piece of work: some milliseconds.
    static let recordsPerPieceMaximum = 1000
    /// The number of the file that the forwarder has; `nil` if it may have none of ours.
    private var toldFile: Int?

    init(configuration: Configuration, keyring: TunnelKeyring?) {
        self.configuration = configuration
        self.keyring = keyring
    }

    /// True if work is left for ``goOn(now:)``: nothing of the tables may be told before it is done.
    var isCompiling: Bool { !pieces.isEmpty }

    /// Changes the tables, or begins with that if there is much to do.
    /// - Parameter now: the monotonic time, by which the forwarder goes, too.
    func compile(_ change: TableChange, now: Duration) {
        if change.isWhole || tables == nil {
            pieces = []
            peers = [:]
            untoldKeys = [:]
            toldFile = nil
            tables = ForwardingTables(
                localChassis: configuration.chassis,
                localEncap: configuration.encapIP,
                innerMTU: change.innerMTU,
                hashSeed: .random(in: 0 ... .max),
                // Above that of every agent before: none has changed tables a thousand times a second all of its life.
                epoch: UInt64(max(0, Int64(now / .milliseconds(1))))
            )
        }
        let all = ForwardingTables.pieces(of: change.records, maximum: Self.recordsPerPieceMaximum)
        let next = all.enumerated().map { index, records -> Piece in
            // The devices come with the last records, so that their rows are written once.
            let isLast = index == all.count - 1
            return Piece(
                records: records,
                slots: isLast ? change.slots : nil,
                innerMTU: change.innerMTU,
                members: isLast ? change.members : []
            )
        }
        pieces = next.reversed() + pieces
        isUntold = true
        goOn(now: now)
    }

    /// Does a piece of the work that is left.
    func goOn(now: Duration) {
        guard let piece = pieces.popLast() else { return }
        for record in piece.records { noteKeys(record) }
        tables?.apply(
            piece.records,
            slots: piece.slots,
            innerMTU: piece.innerMTU,
            members: piece.members,
            now: now
        )
    }

    /// The forwarder may be another one, which has none of our files.
    func forgetFile() { toldFile = nil }

    /// The forwarder is told everything anew.
    func forgetAll() {
        toldFile = nil
        isUntold = tables != nil
        for peer in peers.values {
            for encap in peer.encaps where !peer.keys.isEmpty { untoldKeys[encap] = peer.keys }
        }
    }

    /// Returns the messages for the changes that the forwarder has not been told yet.
    func takeNews() throws(AgentFailure) -> [(message: ForwarderMessage, descriptors: [Descriptor])] {
        var messages: [(message: ForwarderMessage, descriptors: [Descriptor])] = []
        for (address, keys) in untoldKeys.sorted(by: { $0.key < $1.key }) {
            messages.append((.putTunnelKeys(address: address, keys: keys), []))
        }
        untoldKeys = [:]
        guard isUntold, let tables else { return messages }
        let place = TablePlace(root: UInt64(tables.rootOffset), length: UInt64(tables.byteCount))
        var files: [Descriptor] = []
        if toldFile != tables.fileNumber {
            let duplicate = try explaining("cannot hand over the tables") { () throws(SystemError) in
                try systemCall("fcntl F_DUPFD_CLOEXEC") { clinux_duplicate(tables.descriptor) }
            }
            files = [Descriptor(owning: Int32(duplicate))]
        }
        messages.append((.tables(place), files))
        toldFile = tables.fileNumber
        isUntold = false
        return messages
    }

    private func noteKeys(_ change: RecordChange) {
        guard let keyring else { return }
        switch change {
        case .put(.chassis(let chassis)) where chassis.name != configuration.chassis:
            forgetKeys(with: chassis.name)
            let keys = chassis.tunnelKeys.isEmpty ? [] : keyring.keys(with: chassis)
            let encaps = chassis.encaps.map(\.ip)
            peers[chassis.name] = (encaps, keys)
            for encap in encaps where !keys.isEmpty { untoldKeys[encap] = keys }
        case .delete(.chassis(let name)): forgetKeys(with: name)
        case .put, .delete, .patch: break
        }
    }

    /// Takes the keys with a chassis away, unless another one has its encap by now.
    private func forgetKeys(with name: String) {
        guard let former = peers.removeValue(forKey: name), !former.keys.isEmpty else { return }
        for encap in former.encaps where !peers.values.contains(where: { $0.encaps.contains(encap) }) {
            untoldKeys[encap] = []
        }
    }
}
