import JSON
import Persistent
import Southbound
import Wire

extension Network {
    /// The features that the host of a port needs, in order.
    public func neededFeatures(of port: LogicalSwitchPort) -> [String] {
        northbound.neededFeatures(of: port, filter: southbound.datapathBinding(port.switchID)?.filter)
    }

    /// A chassis as `/v1/chassis` shows it.
    public struct ChassisView: Sendable {
        /// `{"name","chassis_id","hostname","encaps","revision","status":{"live","held"?}}`.
        public var json: JSONValue
        /// The revision of the last commit that changed what is shown: the entity tag.
        public var revision: UInt64
    }

    /// The chassis with this name, or with this `chassis_id` if it looks like a UUID.
    public func chassisName(_ reference: Reference) -> String? {
        switch reference {
        case .name(let name):
            let identity = ObjectID(name).map(\.description)
            return southbound.chassis(named: name)?.name ?? identity.flatMap { southbound.chassisByIdentity[$0] }
        case .id(let id):
            return southbound.chassisByIdentity[id.description]
        }
    }

    /// The chassis with this name as `/v1/chassis` shows it.
    public func chassisView(named name: String) -> ChassisView? {
        guard let entry = southbound.entries[.chassis(name)] else { return nil }
        let state = ledger.chassis[name]
        let revision = max(entry.revision, state?.revision ?? 0)
        let json = entry.record.json.merged(with: [
            "revision": .integer(Int64(clamping: revision)),
            "status": state?.json ?? ["live": false],
        ])
        return ChassisView(json: json, revision: revision)
    }
}
