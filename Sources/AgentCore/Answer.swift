import ForwarderProtocol
import HTTP
import JSON
import Southbound
import Wire

/// The answer to a request at the agent's socket.
public enum Answer: Hashable, Sendable {
    /// 200 with a port.
    case port(PortReport)
    /// 200 with all ports, by name, the paths to other hosts, the forwarder's other counters if counters were asked
    /// for, and the share that is held back.
    case ports([PortReport], paths: [PathReport], forwarder: ForwarderStatistics?, held: HeldShare? = nil)
    /// 200 with how the agent is.
    case status(JSONValue)
    /// 200 with the epoch and revision that the host goes by from now on.
    case accepted(epoch: UInt64, revision: UInt64)
    /// 200 with MACs that were learnt.
    case learntMACs([LearntMAC])
    /// 200 with connections, and the place after them if there may be more.
    case connections([PortConnection], next: Int?)
    /// 200 with how often ACLs have decided.
    case filterCounters([FilterCounter])
    /// 200 with the members of multicast groups.
    case multicastGroups(JSONValue)
    /// 200 with how many MACs or connections were forgotten.
    case forgotten(Int)
    /// 204.
    case deleted
    case refused(Problem)

    /// The body: `{"ports": [...], "paths": [...], "underlay"?, "drops"?, "pollers"?, "held"?}` (the drops are the
    /// underlay's), a port, a status, `{"epoch","revision"}`, `{"macs": [...]}`, `{"connections": [...],
    /// "next"?}`, `{"acls": [...]}`, `{"groups", "switches"}`, `{"forgotten"}` or a problem (RFC 9457); `nil` for none.
    public var json: JSONValue? {
        switch self {
        case .port(let report): return report.json
        case .ports(let reports, let paths, let forwarder, let held):
            var object = JSONObject()
            object["ports"] = .array(reports.map(\.json))
            object["paths"] = .array(paths.map(\.json))
            object["underlay"] = forwarder?.underlay.json
            object["drops"] = forwarder?.underlay.json["drops"]
            object["pollers"] = (forwarder?.pollers).map { pollers in .array(pollers.map(\.json)) }
            object["held"] = held?.json
            return .object(object)
        case .status(let json): return json
        case .accepted(let epoch, let revision):
            return ["epoch": .string(hexadecimal(epoch)), "revision": number(revision)]
        case .learntMACs(let macs): return ["macs": .array(macs.map(\.json))]
        case .connections(let connections, let next):
            var object = JSONObject()
            object["connections"] = .array(connections.map(\.json))
            object["next"] = next.map { number(UInt64($0)) }
            return .object(object)
        case .filterCounters(let counters): return ["acls": .array(counters.map(\.json))]
        case .multicastGroups(let json): return json
        case .forgotten(let count): return ["forgotten": number(UInt64(count))]
        case .deleted: return nil
        case .refused(let problem): return problem.json()
        }
    }
}

/// A port as `heddle port list` shows it.
public struct PortReport: Hashable, Sendable {
    public enum State: String, Hashable, Sendable {
        /// The forwarder has it and tables in which it is bound here.
        case up
        /// Its guest runs on another host and moves here: the forwarder has it, and passes no frames yet.
        case standby
        /// Something is still to come: see the detail.
        case pending
        /// Another chassis has taken it.
        case lost
        /// Its device cannot be used.
        case failed
    }

    /// The port as asked for.
    public var specification: PortSpecification
    /// True if the device was made by us.
    public var isOwned: Bool
    public var claim: UInt64
    public var state: State
    /// The reason why it is so, in one clause; empty for a port that is up.
    public var detail: String
    /// Its counters, if they were asked for and the forwarder has them.
    public var statistics: SourceStatistics?

    /// The object `{"name", "logical_port", "device", "interface", "netns", "mac", "addresses", "mtu", "owned",
    /// "claim", "state", "detail", "statistics"?}`; `netns`, `mac` and `mtu` are null if the user left them open. A
    /// vhost-user port has `socket` in the place of `interface`.
    public var json: JSONValue {
        var object = specification.json
        object["device"] = .string(specification.device.rawValue)
        object["owned"] = .bool(isOwned)
        object["claim"] = number(claim)
        object["state"] = .string(state.rawValue)
        object["detail"] = .string(detail)
        object["statistics"] = statistics?.json
        return .object(object)
    }
}

extension SourceStatistics {
    /// `{"rx_frames", "rx_bytes", "tx_frames", "tx_bytes", "forwarded_frames", "unsent_frames", "singly_sent_frames",
    /// "drops": {REASON: FRAMES}, "partly_dropped": {REASON: FRAMES}, "answers": {KIND: FRAMES}}`, as the
    /// forwarder counts.
    var json: JSONValue {
        func object(_ counts: [NamedCount]) -> JSONValue {
            var object = JSONObject()
            for count in counts.sorted(by: { $0.name < $1.name }) { object[count.name] = number(count.frames) }
            return .object(object)
        }
        return [
            "rx_frames": number(receivedFrames), "rx_bytes": number(receivedBytes),
            "tx_frames": number(sentFrames), "tx_bytes": number(sentBytes),
            "forwarded_frames": number(forwardedFrames), "unsent_frames": number(unsentFrames),
            "singly_sent_frames": number(singlySentFrames),
            "drops": object(drops), "partly_dropped": object(partlyDropped), "answers": object(answers),
        ]
    }
}

extension PollerStatistics {
    /// `{"name", "sources", "rx_frames"}`.
    var json: JSONValue {
        ["name": .string(name), "sources": number(UInt64(sourceCount)), "rx_frames": number(receivedFrames)]
    }
}
