import Southbound
import Wire

@testable import Datapath

/// RFC 7113: what routers alone send, and what may hide it, does not pass; the same for DHCP servers.
extension ServerGuard: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        let beginning = frame.transport
        let (port, home) = (context.port, context.datapath)
        let guardsRouters = port.guardsRouters ?? home.guardsRouters ?? port.isGuarded
        let guardsDHCP = port.guardsDHCP ?? home.guardsDHCP ?? port.isGuarded
        let isCut = frame.isFirstFragment && (beginning?.count ?? 8) < 8
        if guardsRouters, frame.ipv6 != nil, frame.protocolNumber == 58, let beginning {
            if beginning.isEmpty ? isCut : [134, 137].contains(beginning[0]) { return .drop(.raGuard) }
        }
        if guardsDHCP, frame.protocolNumber == 17, let beginning {
            if beginning.count < 8 { return isCut ? .drop(.dhcpGuard) : .next }
            let isIPv4 = frame.ipv4 != nil
            if beginning[0..<2] == [UInt8(isIPv4 ? 0 : 2), isIPv4 ? 67 : 35] { return .drop(.dhcpGuard) }
            if beginning[2..<4] == [UInt8(isIPv4 ? 0 : 2), isIPv4 ? 68 : 34] { return .drop(.dhcpGuard) }
            let isZero = beginning[0..<4] == [0, 0, 0, 0]
            return isZero && isCut ? .drop(.dhcpGuard) : .next
        }
        let isTagged = [0x8100, 0x88a8].contains(frame.etherType)
        let isSNAP = frame.etherType < 0x600 && frame.bytes.count >= frame.start + 8
        let snaps: [[UInt8]] = [[0xaa, 0xaa, 3, 0, 0, 0], [0xaa, 0xaa, 3, 0, 0, 0xf8]]
        if isTagged || isSNAP && snaps.contains(Array(frame.bytes[frame.start..<frame.start + 6])) {
            if guardsRouters { return .drop(.raGuard) }
            if guardsDHCP { return .drop(.dhcpGuard) }
        }
        return .next
    }
}
