import Datapath
import ForwarderProtocol
import Reactor
import Wire

/// Members of multicast groups: what frames have told of them goes to the agent, and the control thread asks ports for
/// them by a timer, so that the packet path has nothing to do with that.
extension ForwarderControl {
    /// The time between two looks at what is due.
    private static let queryTick = Duration.seconds(1)
    /// Ports that are asked in one turn of the loop: a millisecond's work.
    private static let queryCountMaximum = 128
    /// The pause before the next turn's, when more are due.
    private static let queryPause = Duration.milliseconds(10)

    /// Tells the agent what pollers have seen.
    func tellMembers() {
        var reports: [MembershipReport] = []
        for poller in pollers {
            while reports.count < ForwarderProtocol.membershipReportCountMaximum, let fact = poller.facts.members.take()
            {
                if let report = MembershipReport(fact.first, fact.second, fact.third) { reports.append(report) }
            }
        }
        if !reports.isEmpty { connection?.send(.membersReported(reports)) }
        if reports.count == ForwarderProtocol.membershipReportCountMaximum {
            loop.defer { [weak self] in self?.tellMembers() }
        }
    }

    /// Begins to look at what is due, if ports of any switch are asked.
    func watchQueriers() {
        guard queryTimer == nil, tables?.hasQueriers == true else { return }
        queryTimer = loop.schedule(after: .zero) { [weak self] in self?.sendQueries() }
    }

    private func sendQueries() {
        queryTimer = nil
        guard let generation = generations.last?.pointer, generation.pointee.tables.hasQueriers else {
            querySlots = []
            return
        }
        let tables = generation.pointee.tables
        if querySlots.isEmpty { noteDueQueries(tables) }
        for slot in querySlots.prefix(Self.queryCountMaximum) {
            for family in [MembershipMessage.Family.igmp, .mld] {
                send(to: slot, generation, tables) { tables.writeQuery(family, for: UInt16(slot), into: $0) }
            }
        }
        querySlots.removeFirst(min(querySlots.count, Self.queryCountMaximum))
        let pause = querySlots.isEmpty ? Self.queryTick : Self.queryPause
        queryTimer = loop.schedule(after: pause) { [weak self] in self?.sendQueries() }
    }

    private func noteDueQueries(_ tables: Tables) {
        var queriers: [UInt32: Advertiser] = [:]
        var ports: [(slot: Int, vni: UInt32)] = []
        for slot in slots.ports.values.map(\.slot).sorted() {
            guard let querier = tables.querier(for: UInt16(slot)) else { continue }
            queriers[querier.vni] = querier
            ports.append((slot, querier.vni))
        }
        let due = queries.due(queriers, now: loop.now)
        querySlots = ports.filter { due.contains($0.vni) }.map(\.slot)
    }
}

extension MembershipReport {
    /// The report that a poller's words are; see ``FactRings``.
    fileprivate init?(_ about: UInt64, _ high: UInt64, _ low: UInt64) {
        let group: IPAddress =
            high == 0 ? .v4(IPv4Address(UInt32(truncatingIfNeeded: low))) : .v6(IPv6Address(high: high, low: low))
        let (vni, portKey) = (UInt32(truncatingIfNeeded: about &>> 24), UInt16(truncatingIfNeeded: about &>> 8))
        switch MembershipNews.Fact(rawValue: UInt8(truncatingIfNeeded: about)) {
        case .joined?: self.init(vni: vni, portKey: portKey, fact: .joined(group))
        case .left?: self.init(vni: vni, portKey: portKey, fact: .left(group))
        case .router?: self.init(vni: vni, portKey: portKey, fact: .router)
        case nil: return nil
        }
    }
}
