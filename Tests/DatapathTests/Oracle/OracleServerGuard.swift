import Southbound
import Wire

@testable import Datapath

/// RFC 7113: what routers alone send, and what may hide it, does not pass; the same for DHCP servers.
extension ServerGuard: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        let beginning = frame.transport
        let isCut = frame.isFirstFragment && (beginning?.count ?? 8) < 8
        if context.datapath.guardsRouters, frame.ipv6 != nil, frame.protocolNumber == 58, let beginning {
            if beginning.isEmpty ? isCut : [134, 137].contains(beginning[0]) { return .drop(.raGuard) }
        }
        if context.datapath.guardsDHCP, frame.protocolNumber == 17, let beginning {
            if beginning.count < 8 { return isCut ? .drop(.dhcpGuard) : .next }
            let port = OracleDatagram.sourcePort(of: frame)
            if port == (frame.ipv4 != nil ? 67 : 547) { return .drop(.dhcpGuard) }
            let isZero = beginning[0..<4] == [0, 0, 0, 0]
            return isZero && isCut ? .drop(.dhcpGuard) : .next
        }
        return .next
    }
}
