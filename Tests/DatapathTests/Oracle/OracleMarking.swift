import Match
import Southbound
import Wire

@testable import Datapath

/// The first rule that is true of a packet marks it, by the octets of the frame.
struct OracleMarking {
    let direction: PacketFilter.Direction

    func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        guard let filter = context.datapath.filter, !frame.isMalformed, frame.ipv4 != nil || frame.ipv6 != nil else {
            return .next
        }
        let fields = MatchFrame(frame.bytes.span)
        let scope = OracleFilter.Scope(
            filter: filter,
            inport: context.port.tunnelKey,
            outport: context.destination?.tunnelKey ?? 0
        )
        let rule = filter.markings.first { rule in
            guard rule.direction == direction, let expression = try? MatchExpression(rule.match) else { return false }
            return expression.matches(fields, in: scope)
        }
        return rule.map { .rewrite(OracleFrame(Self.marked(frame, with: $0.dscp))) } ?? .next
    }

    static func marked(_ frame: OracleFrame, with dscp: UInt8) -> [UInt8] {
        var bytes = frame.bytes
        let start = frame.start
        guard frame.ipv4 != nil else {
            let old = bytes[start] << 4 | bytes[start + 1] >> 4
            let new = dscp << 2 | old & 3
            bytes[start] = 0x60 | new >> 4
            bytes[start + 1] = new << 4 | bytes[start + 1] & 15
            return bytes
        }
        let before = Int(bytes[start + 1])
        bytes[start + 1] = dscp << 2 | bytes[start + 1] & 3
        // The correction of RFC 1624: a checksum that was wrong stays so.
        var sum = Int(~bytes[start + 10]) << 8 | Int(~bytes[start + 11])
        sum += (0xffff - before) + Int(bytes[start + 1])
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        if Int(bytes[start + 1]) != before {
            (bytes[start + 10], bytes[start + 11]) = (UInt8(~sum >> 8 & 255), UInt8(~sum & 255))
        }
        return bytes
    }
}

extension IngressMarking: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep { OracleMarking(direction: .fromPort).decide(context) }
}

extension EgressMarking: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep { OracleMarking(direction: .toPort).decide(context) }
}
