import Southbound
import Wire

@testable import Datapath

/// Trunk ports, by the octets of the frame.
extension IngressTrunk: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        guard let trunk = context.port.trunk else { return .next }
        var bytes = context.frame.bytes
        guard let native = trunk.native, vlan(of: bytes) == 0 else {
            return lets(bytes, through: trunk) ? .next : .drop(.vlanNotAllowed)
        }
        guard context.datapath.vlanPassthru else { return .drop(.vlanTagged) }
        var priority: UInt8 = 0
        if context.frame.isTagged {
            priority = bytes[14] & 0xe0
            bytes.removeSubrange(12..<16)
        }
        bytes.insert(contentsOf: [0x81, 0, priority | UInt8(native >> 8), UInt8(native & 255)], at: 12)
        return .rewrite(OracleFrame(bytes))
    }

    static func lets(_ bytes: [UInt8], through trunk: Trunk) -> Bool {
        guard let vlan = vlan(of: bytes) else { return false }
        if vlan == trunk.native { return !isTag(bytes, at: 16) }
        return trunk.vlans.contains(vlan)
    }

    /// The VLAN of the first tag, 0 without one; `nil` if it cannot be said.
    static func vlan(of bytes: [UInt8]) -> UInt16? {
        guard isTag(bytes, at: 12) else { return 0 }
        guard bytes[12] == 0x81 else { return nil }
        let vlan = UInt16(bytes[14] & 15) << 8 | UInt16(bytes[15])
        return vlan == 0 && isTag(bytes, at: 16) ? nil : vlan
    }

    private static func isTag(_ bytes: [UInt8], at place: Int) -> Bool {
        [[0x81, 0x00], [0x88, 0xa8]].contains(Array(bytes[place..<place + 2]))
    }
}

extension EgressTrunk: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        guard let trunk = context.destination?.trunk else { return .next }
        return IngressTrunk.lets(context.frame.bytes, through: trunk) ? .next : .drop(.vlanNotAllowed)
    }
}
