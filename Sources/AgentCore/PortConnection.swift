import HTTP
import HTTPTypes
import JSON
import Southbound
import Wire

/// A connection of a port of this host, by the names that users know.
public struct PortConnection: Hashable, Sendable {
    public var switchName: String
    public var logicalPort: String
    /// The name of the IP protocol, or its number.
    public var transport: String
    /// The end that has opened it.
    public var source: IPAddress
    public var sourcePort: UInt16
    public var destination: IPAddress
    public var destinationPort: UInt16
    /// `opening`, `answered`, `established`, `closing`, `last_acknowledgment` or `closed`.
    public var state: String
    /// True if ACLs do not allow it any more.
    public var isBlocked: Bool
    /// Seconds since a packet of it passed.
    public var idleSeconds: UInt64

    public init(
        switchName: String,
        logicalPort: String,
        transport: UInt8,
        source: IPAddress,
        sourcePort: UInt16,
        destination: IPAddress,
        destinationPort: UInt16,
        state: String,
        isBlocked: Bool,
        idleSeconds: UInt64
    ) {
        (self.switchName, self.logicalPort) = (switchName, logicalPort)
        switch transport {
        case IPProtocol.tcp: self.transport = "tcp"
        case IPProtocol.udp: self.transport = "udp"
        case IPProtocol.sctp: self.transport = "sctp"
        case IPProtocol.icmpv4: self.transport = "icmp"
        case IPProtocol.icmpv6: self.transport = "icmp6"
        default: self.transport = String(transport)
        }
        (self.source, self.sourcePort) = (source, sourcePort)
        (self.destination, self.destinationPort) = (destination, destinationPort)
        (self.state, self.isBlocked, self.idleSeconds) = (state, isBlocked, idleSeconds)
    }

    /// `{"switch", "logical_port", "protocol", "source", "source_port", "destination", "destination_port", "state",
    /// "blocked", "idle_seconds"}`.
    var json: JSONValue {
        [
            "switch": .string(switchName), "logical_port": .string(logicalPort), "protocol": .string(transport),
            "source": .string(source.description), "source_port": number(UInt64(sourcePort)),
            "destination": .string(destination.description), "destination_port": number(UInt64(destinationPort)),
            "state": .string(state), "blocked": .bool(isBlocked), "idle_seconds": number(idleSeconds),
        ]
    }
}

/// The connections that a request is about: those that are of all that is named.
public struct ConnectionFilter: Hashable, Sendable {
    public var switchName: String?
    public var logicalPort: String?
    /// The place after the last page; 0 for the first one.
    public var after = 0

    /// The filter of a request's parameters.
    /// - Throws: the reason why there is none.
    public init(parameters: [(name: String, value: String)]) throws(Problem) {
        for (name, value) in parameters {
            switch name {
            case "switch": switchName = value
            case "port": logicalPort = value
            case "after":
                guard let place = Int(value), place >= 0 else {
                    let detail = "after=\(value) is no place; use the \"next\" of the page before."
                    throw Problem(.badRequest, code: "invalid_parameter", detail: detail)
                }
                after = place
            default:
                let detail = "There is no parameter \"\(name)\" here, only switch, port and after."
                throw Problem(.badRequest, code: "unknown_parameter", detail: detail)
            }
        }
    }

    /// True if all connections are meant.
    public var isAll: Bool { switchName == nil && logicalPort == nil }
}

/// The ports of a share, by the keys that tables and packets have.
public struct NamedPorts: Sendable {
    private var names: [Place: Name] = [:]

    private struct Place: Hashable {
        var vni: UInt32
        var key: UInt16
    }

    /// A port and its switch.
    public struct Name: Hashable, Sendable {
        public var switchName: String
        public var logicalPort: String
    }

    /// The name of a port; `nil` if it is not there, or not what a filter names.
    /// - Parameters:
    ///   - vni: the datapath's key.
    ///   - key: the port's key there.
    public func name(vni: UInt32, key: UInt16, _ filter: ConnectionFilter) -> Name? {
        guard let name = names[Place(vni: vni, key: key)], (filter.switchName ?? name.switchName) == name.switchName,
            (filter.logicalPort ?? name.logicalPort) == name.logicalPort
        else { return nil }
        return name
    }

    fileprivate mutating func insert(_ port: PortBinding, _ datapath: DatapathBinding) {
        names[Place(vni: datapath.tunnelKey, key: port.tunnelKey)] = Name(
            switchName: datapath.name,
            logicalPort: port.logicalPort
        )
    }
}

extension AgentCore {
    /// The ports of the share.
    public var namedPorts: NamedPorts {
        var names = NamedPorts()
        for case .portBinding(let port) in share.records.values {
            guard case .datapathBinding(let datapath)? = share.records[.datapathBinding(port.datapath)] else {
                continue
            }
            names.insert(port, datapath)
        }
        return names
    }
}
