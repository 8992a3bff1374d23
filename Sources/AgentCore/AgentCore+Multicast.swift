import ForwarderProtocol
import HTTP
import HTTPTypes
import JSON
import Southbound
import Wire

/// The members of multicast groups that a request is about: those that are of all that is named.
public struct MulticastGroupFilter: Hashable, Sendable {
    public var switchName: String?
    /// The port that is a member.
    public var logicalPort: String?

    public init(switchName: String? = nil, logicalPort: String? = nil) {
        self.switchName = switchName
        self.logicalPort = logicalPort
    }

    /// The filter of a request's parameters.
    /// - Throws: the reason why there is none.
    public init(parameters: [(name: String, value: String)]) throws(Problem) {
        for (name, value) in parameters {
            switch name {
            case "switch": switchName = value
            case "port": logicalPort = value
            default:
                let detail = "There is no parameter \"\(name)\" here, only switch and port."
                throw Problem(.badRequest, code: "unknown_parameter", detail: detail)
            }
        }
    }
}

extension AgentCore {
    /// The forwarder has seen reports of members.
    mutating func membersReported(_ reports: [MembershipReport], now: Duration) {
        settleMembership(now: now)
        for report in reports { membership.take(report, now: now) }
    }

    /// Looks members up in the share as it is now, and forgets those that are silent.
    mutating func settleMembership(now: Duration) {
        var keys = forwarder.changedKeys
        forwarder.changedKeys = []
        if !membership.hasScanned {
            membership.hasScanned = true
            keys = Set(share.records.keys)
        }
        // A switch comes before its ports: all of them are looked at that were there before it asked for members.
        var fresh: Set<ObjectID> = []
        for case .datapathBinding(let id) in keys {
            let isNew = membership.switches[id] == nil
            if case .datapathBinding(let datapath)? = share.records[.datapathBinding(id)] {
                membership.put(datapath, now: now)
            } else {
                membership.removeSwitch(id)
            }
            if isNew, membership.switches[id] != nil { fresh.insert(id) }
        }
        if !fresh.isEmpty {
            for case .portBinding(let port) in share.records.values where fresh.contains(port.datapath) {
                membership.put(port)
            }
        }
        for case .portBinding(let id) in keys {
            if case .portBinding(let port)? = share.records[.portBinding(id)] {
                membership.put(port)
            } else {
                membership.removePort(id)
            }
        }
        membership.settle(now: now)
    }

    /// The members of multicast groups that this host knows, by switch, group and port, and its switches that ask for
    /// them.
    public func groups(_ filter: MulticastGroupFilter, now: Duration) -> JSONValue {
        var groups: [JSONValue] = []
        var switches: [JSONValue] = []
        for (home, name) in namedSwitches where (filter.switchName ?? name) == name {
            for (group, members) in home.members.sorted(by: { $0.key < $1.key }) {
                let ports = members.compactMap { id, end in binding(id).map { ($0, end) } }
                for (port, end) in ports.sorted(by: { $0.0.logicalPort < $1.0.logicalPort })
                where (filter.logicalPort ?? port.logicalPort) == port.logicalPort {
                    let idle = Duration.seconds(Int64(home.settings.idleTimeout)) - (end - now)
                    groups.append([
                        "switch": .string(name), "group": .string(group.description),
                        "logical_port": .string(port.logicalPort),
                        "chassis": .string(port.locations.first { $0.state == .active }?.chassis ?? ""),
                        "idle_seconds": number(UInt64(max(0, idle.components.seconds))),
                    ])
                }
            }
            let routers = home.routers.keys.compactMap { binding($0)?.logicalPort }.sorted()
            switches.append([
                "switch": .string(name), "listening": .bool(home.listensUntil != nil),
                "groups": number(UInt64(home.members.count)), "refused": number(home.refusedCount),
                "routers": .array(routers.map { .string($0) }),
            ])
        }
        return ["groups": .array(groups), "switches": .array(switches)]
    }

    private var namedSwitches: [(MembershipState.Switch, name: String)] {
        membership.switches.compactMap { id, home in
            guard case .datapathBinding(let datapath)? = share.records[.datapathBinding(id)] else { return nil }
            return (home, datapath.name)
        }
        .sorted { $0.name < $1.name }
    }

    private func binding(_ id: ObjectID) -> PortBinding? {
        guard case .portBinding(let port)? = share.records[.portBinding(id)] else { return nil }
        return port
    }
}
