import Southbound
import Wire

@testable import Datapath

extension EgressPortSecurity: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let entries = context.destination?.portSecurity ?? []
        let passes = context.frame.destination.isMulticast || lets(context.frame, out: entries)
        return passes ? .next : .drop(.egressPortSecurity)
    }

    private static func lets(_ frame: OracleFrame, out entries: [PortSecurityEntry]) -> Bool {
        if entries.isEmpty { return true }
        let own = entries.filter {
            OracleVirtualRouters.macs(of: $0).contains { OracleVirtualRouters.contains($0, frame.destination) }
        }
        let restricting = own.filter { !$0.prefixes.isEmpty }
        if let header = frame.ipv4, !restricting.isEmpty {
            return restricting.contains { entry in
                !OraclePrefixes.ipv4(of: entry).isEmpty
                    && (header.destination == .broadcast || header.destination.isMulticast
                        || OraclePrefixes.ipv4(of: entry).contains {
                            OraclePrefixes.matches(.v4(header.destination), $0)
                                || OraclePrefixes.broadcast(of: $0) == header.destination
                        })
            }
        }
        if let header = frame.ipv6, !restricting.isEmpty {
            return restricting.contains { entry in
                !OraclePrefixes.ipv6(of: entry).isEmpty
                    && (header.destination.isMulticast || header.destination == frame.destination.linkLocalAddress
                        || OraclePrefixes.ipv6(of: entry).contains {
                            OraclePrefixes.matches(.v6(header.destination), $0)
                        })
            }
        }
        return !own.isEmpty
    }
}
