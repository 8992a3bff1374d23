import Match
import Southbound
import Wire

@testable import Datapath

/// The first ACL that is true decides, by the evaluator of the language and the words of the records.
struct OracleFilter {
    let direction: PacketFilter.Direction

    func decide(_ context: OracleContext) -> OracleStep {
        guard let filter = context.datapath.filter else { return .next }
        let acls = filter.acls.filter { $0.direction == direction }
        let frame = context.frame
        let tracks = filter.acls.contains { $0.action == .allowRelated }
        if acls.isEmpty, !tracks { return .next }
        if frame.isMalformed { return acls.isEmpty ? .next : .drop(.acl) }
        let fields = MatchFrame(frame.bytes.span)
        let scope = Scope(filter: filter, inport: context.port.tunnelKey, outport: context.destination?.tunnelKey ?? 0)
        let isAlways = Self.always.contains { $0.matches(fields, in: scope) }
        if isAlways { return .next }
        let isOfWire = (context.destination ?? context.port).isLocalnet
        if tracks, !isOfWire, frame.ipv4 != nil || frame.ipv6 != nil, !frame.destination.isMulticast {
            let isStateless = acls.contains { acl in
                guard acl.action == .allowStateless, let expression = context.expression(acl.match) else {
                    return false
                }
                return expression.matches(fields, in: scope)
            }
            if isStateless, !isHidden(frame, from: acls) { return .next }
            guard let connections = context.connections else {
                return OracleConnection.begins(by: frame) ? ask(acls, frame, scope, context) : .drop(.connectionInvalid)
            }
            let port = context.destination ?? context.port
            return connections.judge(frame, of: port, isFromPort: direction == .fromPort, context) { question in
                switch question {
                case .frame: return ask(acls, frame, scope, context)
                case .opening(let frame, let opener, let isFromPort):
                    let scope = Scope(filter: filter, inport: opener, outport: port.tunnelKey)
                    let all = filter.acls.filter { $0.direction == (isFromPort ? .fromPort : .toPort) }
                    return OracleFilter(direction: isFromPort ? .fromPort : .toPort).ask(all, frame, scope, context)
                }
            }
        }
        return ask(acls, frame, scope, context)
    }

    /// `nd || nd_rs || nd_ra || mldv1 || mldv2`.
    private static let always = [try? MatchExpression("nd || nd_rs || nd_ra || mldv1 || mldv2")].compactMap(\.self)

    /// The first ACL that is true of the frame.
    private func ask(
        _ acls: [PacketFilter.Rule],
        _ frame: OracleFrame,
        _ scope: Scope,
        _ context: OracleContext
    ) -> OracleStep {
        if isHidden(frame, from: acls) { return .drop(.acl) }
        let fields = MatchFrame(frame.bytes.span)
        var left: UInt8?
        for acl in acls where acl.tier != left {
            guard let expression = context.expression(acl.match) else { return .drop(.acl) }
            guard expression.matches(fields, in: scope) else { continue }
            switch acl.action {
            case .allow, .allowRelated, .allowStateless: return .next
            case .drop: return .drop(.acl)
            case .reject: return .drop(.rejected)
            case .pass: left = acl.tier
            }
        }
        return .next
    }

    private func isHidden(_ frame: OracleFrame, from acls: [PacketFilter.Rule]) -> Bool {
        acls.contains { hides(frame, from: $0.match) }
    }

    /// True if the packet hides a header whose fields the words name.
    private func hides(_ frame: OracleFrame, from match: String) -> Bool {
        guard frame.ipv4 != nil || frame.ipv6 != nil else { return false }
        let namesPorts = ["tcp.", "udp.", "sctp."].contains { match.contains($0) }
        let namesTypes = match.contains("icmp4.") || match.contains("icmp6.") || match.contains("nd")
        let least: Int
        switch frame.protocolNumber {
        case 6 where namesPorts: least = 20
        case 17 where namesPorts: least = 8
        case 132 where namesPorts: least = 12
        case 1 where namesTypes: least = 8
        case 58 where namesTypes: least = 4
        default: return false
        }
        if let transport = frame.transport { return transport.count < least }
        return fragmentOffset(of: frame) < 20
    }

    func fragmentOffset(of frame: OracleFrame) -> Int {
        if let ipv4 = frame.ipv4 { return Int(ipv4.fragmentOffset) * 8 }
        // The last fragment header is the last eight octets that are read.
        var offset = frame.start + 40
        var next = frame.bytes[frame.start + 6]
        while next != 44 {
            let length = next == 51 ? (Int(frame.bytes[offset + 1]) + 2) * 4 : (Int(frame.bytes[offset + 1]) + 1) * 8
            next = frame.bytes[offset]
            offset += length
        }
        let word = Int(frame.bytes[offset + 2]) << 8 | Int(frame.bytes[offset + 3])
        guard word >> 3 == 0 else { return word & ~7 }
        return fragmentOffset(behindFirstOf: frame, at: offset)
    }

    /// The offset that a second fragment header tells, behind one of a first fragment.
    private func fragmentOffset(behindFirstOf frame: OracleFrame, at first: Int) -> Int {
        var (offset, next) = (first + 8, frame.bytes[first])
        while true {
            if next == 44 {
                let word = Int(frame.bytes[offset + 2]) << 8 | Int(frame.bytes[offset + 3])
                if word >> 3 != 0 { return word & ~7 }
                (next, offset) = (frame.bytes[offset], offset + 8)
                continue
            }
            let length = next == 51 ? (Int(frame.bytes[offset + 1]) + 2) * 4 : (Int(frame.bytes[offset + 1]) + 1) * 8
            (next, offset) = (frame.bytes[offset], offset + length)
        }
    }

    struct Scope: MatchScope {
        let filter: PacketFilter
        let inport: UInt16
        let outport: UInt16

        private func key(_ side: PortSide) -> UInt16 {
            switch side {
            case .inport: inport
            case .outport: outport
            }
        }

        func port(_ side: PortSide, isNamed name: String) -> Bool { filter.ports[name] == key(side) }

        func port(_ side: PortSide, isIn group: String) -> Bool {
            filter.portGroups[group]?.contains(key(side)) ?? false
        }

        func addressSet(_ name: String, contains address: UInt128, bitCount: Int) -> Bool {
            (filter.addressSets[name] ?? []).contains { prefix in
                switch prefix.address {
                case .v4(let ip):
                    bitCount == 32 && (address ^ UInt128(ip.rawValue)) >> UInt128(32 - prefix.length) == 0
                case .v6(let ip):
                    bitCount == 128
                        && (prefix.length == 0
                            || (address ^ (UInt128(ip.high) << 64 | UInt128(ip.low))) >> UInt128(128 - prefix.length)
                                == 0)
                }
            }
        }
    }
}

extension IngressFilter: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep { OracleFilter(direction: .fromPort).decide(context) }
}

extension EgressFilter: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep { OracleFilter(direction: .toPort).decide(context) }
}
