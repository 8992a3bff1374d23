import Southbound
import Wire

@testable import Datapath

extension TunnelDestination: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        if context.frame.isMalformed { return .drop(.malformedFrame) }
        let key = context.tunnelKey ?? 0
        switch key {
        case 32768, 32772: return .output(context.ports.filter(\.isEnabled), key: key)
        case 32773: return MulticastLookup.decideFromTunnel(context)
        case 32769: return .output(context.ports.filter { $0.isEnabled && $0.hasUnknown }, key: key)
        default:
            guard let port = context.ports.first(where: { $0.tunnelKey == key }),
                context.records.exit(of: port) != nil
            else { return .drop(.unknownEgressKey) }
            if !port.isEnabled { return .drop(.destinationDisabled) }
            if port.id == context.port.id { return .drop(.hairpin) }
            return .output([port], key: key)
        }
    }
}
