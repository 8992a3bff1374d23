import AgentCore
import Datapath
import ForwarderProtocol
import Reactor

/// The decisions of ACLs on this host, in a file that its forwarder writes to and that outlives it.
final class HostFilters {
    private var kept: (descriptor: Descriptor, file: FilterRecordFile)?
    /// The lines left out that the log has told of, and when.
    private var toldOmissions: UInt64?
    private var toldAt = Duration.zero

    /// The names of ACLs by identity, and when they were looked up.
    private var names: [UInt64: String] = [:]
    private var namedAt: Duration?

    /// The time for which the names of ACLs are not looked up again, as there may be thousands.
    private static let nameInterval: Duration = .seconds(1)
    /// The time for which the log says nothing more of lines that were left out.
    private static let omissionInterval: Duration = .seconds(10)

    /// Takes the file of a forwarder that an earlier agent has started.
    func adopt(_ descriptor: Descriptor) {
        guard kept == nil, let file = FilterRecordFile(descriptor.raw) else { return }
        kept = (descriptor, file)
    }

    /// Returns what a forwarder is to be told, if it is one that was just connected and has no file.
    func news(after event: Event) -> [(message: ForwarderMessage, descriptors: [Descriptor])] {
        guard case .forwarderConnected(let greeting, let held, _, _) = event,
            greeting.version == ForwarderProtocol.version, kept == nil || !held.contains(.filterRecord)
        else { return [] }
        if kept == nil {
            let (descriptor, file) = FilterRecordFile.make()
            guard let file else {
                let error = SystemError(call: "memfd_create", errno: -descriptor)
                Log.write(.warning, "decisions of ACLs are neither counted nor logged: \(error)")
                return []
            }
            kept = (Descriptor(owning: descriptor), file)
        }
        return kept.map { [(.filterRecord, [$0.descriptor])] } ?? []
    }

    /// Logs what is to be logged and was decided since the last time.
    func log(_ core: AgentCore, now: Duration) {
        guard let kept else { return }
        var lines: [FilterLogLine] = []
        let omitted = kept.file.record.take { lines.append($0) }
        if !lines.isEmpty {
            let names = core.namedFilters
            for line in lines {
                let decision = line.decision
                let named = names.line(
                    vni: decision.vni,
                    identity: decision.identity,
                    ingressKey: decision.ingressKey,
                    egressKey: decision.egressKey,
                    fields: line.fields
                )
                if let (level, text) = named { Log.write(level, text) }
            }
        }
        guard let told = toldOmissions else {
            toldOmissions = omitted
            return
        }
        guard omitted != told, now - toldAt >= Self.omissionInterval else { return }
        (toldOmissions, toldAt) = (omitted, now)
        Log.write(.warning, "acl_log: left out \(omitted &- told) lines, beyond the limits of ports or of the host")
    }

    /// The name of an ACL of this host, as of a second ago; `nil` if there is none.
    func name(of identity: UInt64, _ core: AgentCore, now: Duration) -> String? {
        if namedAt.map({ now - $0 >= Self.nameInterval }) ?? true {
            (names, namedAt) = (core.namedFilters.names, now)
        }
        return names[identity]
    }

    /// The numbers of decisions of the ACLs of a switch, or of all.
    func counters(ofSwitch name: String?, _ core: AgentCore) -> [FilterCounter] {
        core.namedFilters.counters(ofSwitch: name) { vni, identity in
            kept?.file.record.count(of: identity, vni: vni) ?? 0
        }
    }

    /// Forgets the counters of ACLs that are none any more.
    func forgetOthers(_ core: AgentCore) {
        guard let kept else { return }
        let identities = core.namedFilters.identities
        kept.file.record.keepCounters(of: Set(identities.map { FilterRecord.key(of: $0.identity, vni: $0.vni) }))
    }
}

extension Agent {
    /// The time after which decisions of ACLs are logged that were made meanwhile.
    private static let logInterval: Duration = .milliseconds(250)
    /// The time between two looks at counters of ACLs that are gone: long, as there is room for all of a host.
    private static let sweepInterval: Duration = .seconds(60)

    /// Logs decisions of ACLs from now on, for as long as any is to be logged.
    func logDecisionsSoon() {
        if loop.now - filtersSweptAt >= Self.sweepInterval {
            filtersSweptAt = loop.now
            filters.forgetOthers(core)
        }
        guard !isLoggingDecisions, core.logsDecisions else { return }
        isLoggingDecisions = true
        loop.schedule(after: Self.logInterval) { [weak self] in
            guard let self else { return }
            isLoggingDecisions = false
            filters.log(core, now: loop.now)
            logDecisionsSoon()
        }
    }
}
