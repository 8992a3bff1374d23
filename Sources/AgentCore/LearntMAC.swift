import HTTP
import HTTPTypes
import JSON
import Southbound
import Wire

/// A MAC that this host has learnt, by the names that users know.
public struct LearntMAC: Hashable, Sendable {
    public var switchName: String
    public var mac: MACAddress
    public var logicalPort: String
    /// The chassis where the port is bound; empty if nowhere.
    public var chassis: String
    /// Seconds for which its use was not noted; while it is in use, up to some twenty.
    public var idleSeconds: UInt64

    /// `{"switch", "mac", "logical_port", "chassis", "idle_seconds"}`.
    var json: JSONValue {
        [
            "switch": .string(switchName), "mac": .string(mac.description), "logical_port": .string(logicalPort),
            "chassis": .string(chassis), "idle_seconds": number(idleSeconds),
        ]
    }
}

/// The MACs that a request is about: those that are of all that is named.
public struct LearntMACFilter: Hashable, Sendable {
    public var switchName: String?
    public var logicalPort: String?
    public var mac: MACAddress?

    public init(switchName: String? = nil, logicalPort: String? = nil, mac: MACAddress? = nil) {
        self.switchName = switchName
        self.logicalPort = logicalPort
        self.mac = mac
    }

    /// The filter of a request's parameters.
    /// - Throws: the reason why there is none.
    public init(parameters: [(name: String, value: String)]) throws(Problem) {
        for (name, value) in parameters {
            switch name {
            case "switch": switchName = value
            case "port": logicalPort = value
            case "mac":
                guard let mac = MACAddress(value) else {
                    let detail = "mac=\(value) is no MAC address such as 02:ac:10:ff:00:11."
                    throw Problem(.badRequest, code: "invalid_parameter", detail: detail)
                }
                self.mac = mac
            default:
                let detail = "There is no parameter \"\(name)\" here, only switch, port and mac."
                throw Problem(.badRequest, code: "unknown_parameter", detail: detail)
            }
        }
    }

    /// True if the MAC is of all that is named.
    public func includes(_ mac: LearntMAC) -> Bool {
        (switchName ?? mac.switchName) == mac.switchName && (logicalPort ?? mac.logicalPort) == mac.logicalPort
            && (self.mac ?? mac.mac) == mac.mac
    }
}

extension AgentCore {
    /// Returns a MAC that was learnt at a port of the share; `nil` if that port is not there or does not learn now.
    /// - Parameters:
    ///   - id: the port's identity.
    ///   - portKey: its key on the datapath.
    ///   - vni: the key of the datapath.
    public func learntMAC(
        _ mac: MACAddress,
        at id: ObjectID,
        portKey: UInt16,
        vni: UInt32,
        idleSeconds: UInt64
    ) -> LearntMAC? {
        guard case .portBinding(let port)? = share.records[.portBinding(id)],
            case .datapathBinding(let datapath)? = share.records[.datapathBinding(port.datapath)],
            datapath.tunnelKey == vni, port.tunnelKey == portKey, port.hasUnknown
        else { return nil }
        return LearntMAC(
            switchName: datapath.name,
            mac: mac,
            logicalPort: port.logicalPort,
            chassis: port.locations.first { $0.state == .active }?.chassis ?? "",
            idleSeconds: idleSeconds
        )
    }
}
