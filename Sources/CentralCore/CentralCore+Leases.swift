import Northbound
import Northd
import Persistent
import Southbound

/// Leases live in memory; only the transitions between Live and Dead are commits.
extension CentralCore {
    /// Whether the chassis is committed as Live and its lease has not run out.
    func isLive(_ name: String) -> Bool {
        guard working.ledger.chassis[name]?.isLive == true else { return false }
        return (sessions[name]?.leaseEnd ?? now) > now
    }

    mutating func setLease(of name: String, until end: Duration) {
        guard let old = sessions[name]?.leaseEnd else { return }
        deadlines[Deadline(at: old, subject: .lease(name))] = nil
        sessions[name]?.leaseEnd = end
        deadlines[Deadline(at: end, subject: .lease(name))] = ()
    }

    /// Silence for the time of the lease: the chassis is Dead. Its bindings stay, and nothing changes on the wire.
    mutating func endLease(of name: String) {
        guard working.southbound.chassis(named: name) != nil else {
            endSession(of: name)
            return
        }
        var draft = Draft(on: working, time: wallClock)
        draft.setLive(false, chassis: name)
        commit(draft, author: "central")
        effects.append(.log(LogEntry(.warning, "Chassis \(name) has not been heard for its lease and counts as dead.")))
        settlePorts(of: name, author: "central")
        checkRealizations(of: name)
    }
}
