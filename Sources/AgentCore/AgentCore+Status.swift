import ForwarderProtocol
import JSON
import Southbound
import Wire

extension AgentCore {
    mutating func portList(_ ticket: Ticket, withStatistics: Bool, now: Duration) {
        let waiters = waiting.filter { $0.subject == .statistics }.count
        guard withStatistics, forwarder.phase == .connected, waiters < Self.statisticsWaiterMaximum else {
            let answer = Answer.ports(reports(with: nil), paths: pathReports, forwarder: nil, held: heldShare)
            return emit(.answer(ticket, answer))
        }
        waiting.append(Waiting(ticket: ticket, subject: .statistics, deadline: now + Self.statisticsPatience))
        if waiters == 0 { emit(.forward([ForwarderOrder(.requestStatistics)])) }
    }

    mutating func answerLists(with statistics: ForwarderStatistics) {
        let byAddress = Dictionary(
            statistics.paths.map { ($0.address, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let paths = pathReports.map { path in
            var path = path
            path.statistics = byAddress[path.address]
            return path
        }
        answer(.statistics, .ports(reports(with: statistics), paths: paths, forwarder: statistics, held: heldShare))
    }

    /// A forwarder that does not answer leaves a list without counters.
    mutating func settleStatistics(now: Duration) {
        let isLate = waiting.contains { $0.deadline.map { $0 <= now } ?? false }
        guard isLate else { return }
        answer(.statistics, .ports(reports(with: nil), paths: pathReports, forwarder: nil, held: heldShare))
    }

    private func reports(with statistics: ForwarderStatistics?) -> [PortReport] {
        ports.values.filter { $0.claim > 0 }.sorted { $0.specification.name < $1.specification.name }.map { port in
            var report = report(of: port)
            report.statistics = statistics?.ports.first { $0.name == port.specification.name }
            return report
        } + nestedReports(with: statistics)
    }

    /// Returns the state of a port and the reason for it.
    func report(of port: PluggedPort) -> PortReport {
        let (state, detail) = condition(of: port)
        var specification = port.specification
        specification.mac = specification.mac ?? port.mac
        if port.isOwned { specification.mtu = specification.mtu ?? port.madeMTU ?? portMTU }
        return PortReport(
            specification: specification,
            isOwned: port.isOwned,
            claim: port.claim,
            state: state,
            detail: detail
        )
    }

    private func condition(of port: PluggedPort) -> (PortReport.State, String) {
        if port.isLeaving { return (.pending, "being unplugged") }
        if case .failed(let reason) = port.device { return (.failed, reason) }
        if port.device == .awaited {
            let interface = port.specification.interface
            guard port.specification.device == .vhostUser else {
                return (.pending, "there is no interface \(interface) yet; it is waited for")
            }
            return (.pending, "no guest is connected to \(interface) yet; it is waited for")
        }
        if forwarder.upPorts.contains(port.specification.name) {
            return standbyStory(of: port).map { (.standby, $0) } ?? (.up, remark(on: port))
        }
        if port.device != .present { return (.pending, "its device is being opened") }
        if share.binding(of: port.specification.logicalPort)?.location(on: configuration.chassis) != nil {
            return (.pending, "the forwarder has no tables for it yet")
        }
        return absence(of: port)
    }

    /// Returns a note about a port that is up with a MAC that nobody sends to.
    private func remark(on port: PluggedPort) -> String {
        if port.takesNoSuperpackets, port.specification.device == .vhostUser {
            return "no superpackets: the guest's driver takes none, so that they are cut for it"
        }
        if port.takesNoSuperpackets {
            return "no superpackets: the program that has \(port.specification.interface) open takes none, so that the "
                + "kernel cuts them"
        }
        guard let mac = port.specification.mac ?? port.mac else { return "" }
        guard let binding = share.binding(of: port.specification.logicalPort), !binding.hasUnknown else { return "" }
        let known = binding.addresses.map(\.mac)
        guard !known.isEmpty, !known.contains(mac) else { return "" }
        let texts = known.map(\.description).joined(separator: ", ")
        return "its interface began with the MAC \(mac), but \(binding.logicalPort) has \(texts)"
    }

    /// `GET /v1/status`.
    func statusJSON(now: Duration) -> JSONValue {
        let heard = sync.heardAt.map { JSONValue.integer(Int64((now - $0) / .seconds(1))) }
        return [
            "chassis": .string(configuration.chassis),
            "chassis_id": .string(configuration.chassisID),
            "version": .string(configuration.version),
            "encap_ip": .string(configuration.encapIP.description),
            "inner_mtu": .integer(Int64(innerMTU)),
            "central": [
                "url": .string(configuration.central),
                "connected": .bool(sync.failure == nil && sync.hasHeard),
                "failure": sync.failure.map { .string($0) } ?? .null,
                "seconds_since_answer": heard ?? .null,
                "clock_seconds_ahead": sync.clock.secondsAhead.map { .integer($0) } ?? .null,
            ],
            "share": [
                "epoch": .string(hexadecimal(share.epoch)), "revision": number(share.revision),
                "records": .integer(Int64(share.records.count)),
            ],
            "held": heldShare?.json ?? .null,
            "forwarder": [
                "running": .bool(forwarder.phase == .connected),
                "process_id": forwarder.processID.map { .integer(Int64($0)) } ?? .null,
                "applied": number(forwarder.applied),
            ],
            "paths": .array(pathReports.map(\.json)),
            "ports": [
                "plugged": .integer(Int64(ports.count)), "up": .integer(Int64(forwarder.upPorts.count)),
            ],
            "physical_networks": .object(
                JSONObject(
                    distinct: configuration.physicalNetworks.sorted { $0.key < $1.key }
                        .map { (name: $0.key, value: JSONValue.string($0.value)) }
                )
            ),
            "peers": .array(peers.map { Record.chassis($0).json }),
        ]
    }

    /// Other chassis that this one shares datapaths with, by name, not more than somebody looks at.
    private var peers: [Chassis] {
        var chassis: [Chassis] = []
        for case .chassis(let other) in share.records.values where other.name != configuration.chassis {
            chassis.append(other)
        }
        chassis.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return Array(chassis.prefix(Self.peerCountMaximum))
    }

    /// The most other chassis that the status tells: 64, for a look at the paths to them.
    static let peerCountMaximum = 64
}
