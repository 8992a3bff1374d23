import Southbound
import Wire

@testable import Datapath

extension DestinationLookup: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        let records = context.records
        if frame.destination.isMulticast {
            return .output(context.ports.filter(\.isEnabled), key: frame.wantsRouters ? 32768 : 32772)
        }
        guard let owner = context.ports.first(where: { $0.addresses.contains { $0.mac == frame.destination } }) else {
            return .next
        }
        if !owner.isEnabled { return .drop(.destinationDisabled) }
        if owner.id == context.port.id { return .drop(.hairpin) }
        if records.exit(of: owner) == nil, records.places(of: owner).isEmpty {
            if records.chassis(of: owner).contains(where: { $0 != records.input.localChassis }) {
                return .drop(.destinationUnreachable)
            }
            return .drop(records.isHere(owner) ? .destinationNotPlugged : .destinationNotBound)
        }
        return .output([owner], key: owner.tunnelKey)
    }
}
