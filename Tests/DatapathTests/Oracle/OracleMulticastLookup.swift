import Southbound
import Wire

@testable import Datapath

extension MulticastLookup: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        guard let multicast = OracleMulticast(context) else { return .next }
        let enabled = context.ports.filter(\.isEnabled)
        switch multicast.audience {
        case .everybody: return .next
        case .nodes: return .output(enabled, key: 32768)
        case .all: return .output(enabled, key: 32773)
        case .malformed: return .drop(.multicastMalformed)
        case .reporters:
            let locals = enabled.filter(multicast.takesReports)
            let isReached = locals.contains(where: multicast.isReached) || !enabled.flatMap(multicast.places).isEmpty
            return isReached ? .reports(locals, to: enabled) : .drop(.multicastReport)
        case .members(let ports):
            let isReached = ports.contains { multicast.isReached($0) || !multicast.places(of: $0).isEmpty }
            return isReached ? .output(ports, key: 32773) : .drop(.multicastUnregistered)
        }
    }

    /// The same for a frame from a tunnel, which has the key of members.
    static func decideFromTunnel(_ context: OracleContext) -> OracleStep {
        let enabled = context.ports.filter(\.isEnabled)
        let all = OracleStep.output(enabled, key: 32773)
        guard let multicast = OracleMulticast(context) else { return all }
        switch multicast.audience {
        case .everybody, .nodes, .all: return all
        case .malformed: return .drop(.multicastMalformed)
        case .reporters: return multicast.output(enabled.filter(multicast.takesReports), or: .multicastReport)
        case .members(let ports): return multicast.output(ports, or: .multicastUnregistered)
        }
    }
}

/// RFC 4541 and northd's flows, over records and what members have reported.
struct OracleMulticast {
    enum Audience {
        case everybody, nodes, all, reporters, malformed
        case members([PortBinding])
    }

    private let context: OracleContext
    private let snooping: MulticastSnooping

    /// `nil` for a frame that it has nothing to do with.
    init?(_ context: OracleContext) {
        guard let snooping = context.datapath.snooping, context.frame.destination.isMulticast else { return nil }
        self.context = context
        self.snooping = snooping
    }

    private var told: MembershipChange? { context.records.input.members.first { $0.datapath == context.datapath.id } }

    func takesReports(_ port: PortBinding) -> Bool {
        port.floodsReports && context.records.isHereAndPlugged(port) || isRouter(port)
    }

    private func isRouter(_ port: PortBinding) -> Bool {
        port.floodsMulticast || port.wiredNetwork != nil || told?.routers.contains(port.id) == true
    }

    /// True if frames for the port leave by a device here.
    func isReached(_ port: PortBinding) -> Bool { !port.isVirtual && context.records.exit(of: port) != nil }

    func places(of port: PortBinding) -> [IPAddress] { context.records.places(of: port) }

    func output(_ ports: [PortBinding], or reason: DropReason) -> OracleStep {
        let records = context.records
        let others = ports.filter { port in
            !port.isVirtual && port.id != context.port.id
                && records.exit(of: port).map { $0 != records.exit(of: context.port) && records.port(in: $0) != nil }
                    ?? false
        }
        return others.isEmpty ? .drop(reason) : .output(ports, key: 32773)
    }

    var audience: Audience {
        let frame = context.frame
        if let ip = frame.ipv4 {
            if let audience = message(Self.igmp(frame)) { return audience }
            let group = ip.destination
            guard group.isMulticast, !group.description.hasPrefix("224.0.0.") else { return .everybody }
            return members(of: .v4(group))
        }
        guard let ip = frame.ipv6 else { return .everybody }
        if let audience = message(Self.mld(frame)) { return audience }
        let text = ip.destination.description
        guard ip.destination.isMulticast else { return .everybody }
        let reserved = (0..<16).map { "ff0" + String($0, radix: 16) + "::" }
        let isSolicited = ip.destination == ip.destination.solicitedNodeAddress
        if isSolicited || (reserved + ["ff01::1", "ff02::1", "ff01::2", "ff02::2", "ff05::2"]).contains(text) {
            return .nodes
        }
        return members(of: .v6(ip.destination))
    }

    private func message(_ kind: OracleMessage) -> Audience? {
        switch kind {
        case .none: nil
        case .malformed: .malformed
        case .query: .all
        case .report: .reporters
        }
    }

    private func members(of group: IPAddress) -> Audience {
        if told?.isListening ?? true { return .all }
        let ports = context.ports.filter { $0.isEnabled && !$0.isVirtual }
        guard let members = told?.groups[group], !members.isEmpty else {
            return snooping.floodsUnregistered ? .everybody : .members(ports.filter(isRouter))
        }
        return .members(ports.filter { isRouter($0) || members.contains($0.id) })
    }
}

enum OracleMessage { case none, malformed, query, report }

extension OracleMulticast {
    fileprivate static func igmp(_ frame: OracleFrame) -> OracleMessage {
        guard frame.protocolNumber == 2, let ip = frame.ipv4 else { return .none }
        guard let octets = frame.transport, !ip.isFragment, let type = octets.first else { return .malformed }
        guard [0x11, 0x12, 0x16, 0x17, 0x22].contains(type) else { return .none }
        let isWhole = type == 0x22 ? isList(octets, address: 4) : octets.count >= 8
        guard isWhole, OracleChecksum.of(octets) == 0 else { return .malformed }
        return type == 0x11 ? .query : .report
    }

    fileprivate static func mld(_ frame: OracleFrame) -> OracleMessage {
        guard let octets = frame.icmpv6, let ip = frame.ipv6, ip.hopLimit == 1,
            [130, 131, 132, 143].contains(octets[0])
        else { return .none }
        let isWhole = octets[0] == 143 ? isList(octets, address: 16) : octets.count >= 24
        let count = [UInt8(octets.count >> 8), UInt8(octets.count & 255)]
        let pseudo = OracleChecksum.octets(of: ip.source) + OracleChecksum.octets(of: ip.destination)
        guard isWhole, !frame.isIPv6Fragment,
            OracleChecksum.of(pseudo + [0, 0] + count + [0, 0, 0, 58] + octets) == 0
        else { return .malformed }
        return octets[0] == 130 ? .query : .report
    }

    /// True if the records end within the message.
    private static func isList(_ octets: [UInt8], address: Int) -> Bool {
        guard octets.count >= 8 else { return false }
        var rest = octets.dropFirst(8)
        for _ in 0..<(Int(octets[6]) << 8 | Int(octets[7])) {
            let head = Array(rest.prefix(4))
            guard head.count == 4 else { return false }
            let length = 4 + address * (1 + (Int(head[2]) << 8 | Int(head[3]))) + 4 * Int(head[1])
            guard rest.count >= length else { return false }
            rest = rest.dropFirst(length)
        }
        return true
    }
}
