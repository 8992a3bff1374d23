import Match
import Southbound
import Wire

@testable import Datapath

/// Connections over time, by the words of docs/acls.md: a list for each port, through which every packet goes.
final class OracleConnections {
    enum State: String {
        case opening, answered, established, closing
        case lastAcknowledgment = "last_acknowledgment"
        case closed
    }

    /// A connection of a port, or what is remembered of a fragmented packet.
    struct Entry {
        /// As the opener's packets have them.
        var ends: OracleTrackedPacket.Ends
        var state = State.opening
        var tcp: OracleTCP?
        /// The edition of the ACLs that it was judged by last, and the way of the packet that was judged.
        var edition = 0
        var way: [UInt64] = []
        var isFromPort = true
        var openerKey: UInt16 = 0
        var isBlocked = false
        var time = 0
    }

    /// The thing that ACLs are asked about: the packet, or by an answer the one that has opened its connection.
    enum Question {
        case frame
        case opening(OracleFrame, by: UInt16, isFromPort: Bool)
    }

    /// Milliseconds.
    var now = 0
    /// Raised with each change of the ACLs, and what they name.
    var edition = 0
    /// By the key of the port.
    private(set) var entries: [UInt16: [Entry]] = [:]
    private var expressions: [String: MatchExpression?] = [:]

    func expression(_ match: String) -> MatchExpression? {
        if let known = expressions[match] { return known }
        let expression = try? MatchExpression(match)
        expressions[match] = .some(expression)
        return expression
    }

    func forget(port: UInt16) { entries[port] = nil }

    func judge(
        _ frame: OracleFrame,
        of port: PortBinding,
        isFromPort: Bool,
        _ context: OracleContext,
        ask: (Question) -> OracleStep
    ) -> OracleStep {
        let packet = OracleTrackedPacket(frame)
        if packet.kind == .untracked { return ask(.frame) }
        if packet.kind == .invalid { return .drop(.connectionInvalid) }
        let tag = frame.isTagged ? UInt64(frame.bytes[14]) << 8 | UInt64(frame.bytes[15]) | 0x1000 : 0
        let way = [UInt64(context.port.tunnelKey), tag, frame.source.rawValue, frame.destination.rawValue]
        let key = port.tunnelKey
        entries[key, default: []].removeAll { now - $0.time >= Self.lifetime($0) }
        let known = entries[key, default: []]
        let forward = known.firstIndex { $0.ends == packet.ends }
        let place = forward ?? known.firstIndex { $0.ends.identification == nil && $0.ends == packet.ends.reversed }
        let former = place.map { known[$0] }
        let isFine = former.map { $0.edition == edition && !$0.isBlocked } ?? false
        switch packet.kind {
        case .laterFragment:
            if OracleFilter(direction: .toPort).fragmentOffset(of: frame) < 20 { return .drop(.connectionInvalid) }
            return former == nil ? .drop(.connectionInvalid) : isFine ? .next : .drop(.acl)
        case .error: return former == nil ? .drop(.connectionInvalid) : isFine ? .next : .drop(.acl)
        case .packet, .untracked, .invalid: break
        }
        var entry = former ?? Entry(ends: packet.ends)
        let step = former == nil ? OracleTCP.Step.restart : Self.step(&entry, packet, isOriginal: forward != nil)
        if step == .invalid { return .drop(.connectionInvalid) }
        if step == .restart {
            guard var new = Self.opening(packet) else { return .drop(.connectionInvalid) }
            let verdict = ask(.frame)
            guard case .next = verdict else { return verdict }
            (new.edition, new.way, new.isFromPort, new.openerKey) = (edition, way, isFromPort, context.port.tunnelKey)
            keep(new, at: place, of: key)
            remember(packet.fragments, like: new, of: key)
            return .next
        }
        var verdict = isFine ? OracleStep.next : .drop(.acl)
        if forward != nil {
            if entry.way != way {
                if entry.isBlocked { return .drop(.acl) }
                verdict = ask(.frame)
                guard case .next = verdict else { return verdict }
            } else if entry.edition != edition {
                verdict = ask(.frame)
                entry.edition = edition
            } else if entry.isBlocked {
                if case .drop(let reason) = ask(.frame) { verdict = .drop(reason) }
            }
        } else if entry.edition != edition {
            entry.edition = edition
            let question = Question.opening(Self.reversed(frame), by: entry.openerKey, isFromPort: entry.isFromPort)
            if case .next = ask(question) { verdict = .next } else { verdict = .drop(.acl) }
        }
        guard case .next = verdict else {
            // It is as it was.
            if let former { (entry.state, entry.tcp) = (former.state, former.tcp) }
            entry.isBlocked = true
            keep(entry, at: place, of: key)
            return verdict
        }
        entry.isBlocked = false
        keep(entry, at: place, of: key)
        remember(packet.fragments, like: entry, of: key)
        return .next
    }

    private func keep(_ entry: Entry, at place: Int?, of port: UInt16) {
        var entry = entry
        entry.time = now
        if let place { entries[port]?[place] = entry } else { entries[port, default: []].append(entry) }
    }

    private func remember(_ name: OracleTrackedPacket.Ends?, like entry: Entry, of port: UInt16) {
        guard let name, !entries[port, default: []].contains(where: { $0.ends == name }) else { return }
        var fragments = Entry(ends: name)
        (fragments.edition, fragments.time) = (entry.edition, now)
        entries[port, default: []].append(fragments)
    }

    /// The connection that a packet begins; `nil` for none.
    private static func opening(_ packet: OracleTrackedPacket) -> Entry? {
        var entry = Entry(ends: packet.ends)
        switch packet.ends.transport {
        case 6:
            guard let tcp = OracleTCP(packet.segment) else { return nil }
            entry.tcp = tcp
        case 132: if [6, 8, 14].contains(packet.chunk) { return nil }
        default: if packet.isAnswer { return nil }
        }
        return entry
    }

    private static func step(
        _ entry: inout Entry,
        _ packet: OracleTrackedPacket,
        isOriginal: Bool
    ) -> OracleTCP.Step {
        switch packet.ends.transport {
        case 6:
            guard let step = entry.tcp?.step(packet.segment, isOriginal: isOriginal) else { return .invalid }
            entry.state = entry.tcp?.state ?? entry.state
            return step
        case 132:
            switch packet.chunk {
            case 1 where entry.state == .closed || (entry.state == .opening && isOriginal): return .restart
            case 2 where entry.state == .opening && !isOriginal: entry.state = .answered
            case 6, 14: entry.state = .closed
            case 11 where entry.state == .answered && !isOriginal: entry.state = .established
            default: if entry.state == .opening, !isOriginal { entry.state = .established }
            }
            return .valid
        default:
            if packet.ends.query != 0, packet.isAnswer == isOriginal { return .invalid }
            if !isOriginal { entry.state = .established }
            return .valid
        }
    }

    private static func lifetime(_ entry: Entry) -> Int {
        let isHalfOpen = entry.state == .opening || entry.state == .answered
        switch (entry.ends.transport, entry.state) {
        case _ where entry.ends.identification != nil: return 30_000
        case (_, .closed): return 10_000
        case (6, .opening), (6, .answered): return 60_000
        case (6, .closing): return 240_000
        case (6, .lastAcknowledgment): return 30_000
        case (6, _): return 7_440_000
        case (1, _), (58, _): return 30_000
        case (17, _): return isHalfOpen ? 30_000 : 120_000
        case (132, _): return isHalfOpen ? 30_000 : 210_000
        default: return isHalfOpen ? 30_000 : 600_000
        }
    }

    /// An answer as what it answers would be: its ends exchanged.
    private static func reversed(_ frame: OracleFrame) -> OracleFrame {
        var bytes = frame.bytes
        func exchange(_ first: Int, _ second: Int, _ count: Int) {
            for index in 0..<count { bytes.swapAt(first + index, second + index) }
        }
        exchange(0, 6, 6)
        let isIPv6 = frame.ipv6 != nil
        if isIPv6 {
            exchange(frame.start + 8, frame.start + 24, 16)
        } else {
            exchange(frame.start + 12, frame.start + 16, 4)
        }
        if let octets = frame.transport, octets.count >= 8 {
            let end = frame.ipv4.map { frame.start + Int($0.totalByteCount) }
            let last = end ?? frame.start + 40 + Int(frame.ipv6?.payloadByteCount ?? 0)
            let at = last - octets.count
            if [6, 17, 132].contains(frame.protocolNumber) {
                exchange(at, at + 2, 2)
            } else if let query = OracleTrackedPacket.query(Int(octets[0]), isIPv6) {
                bytes[at] = UInt8(query)
            }
        }
        return OracleFrame(bytes)
    }

    /// One line for each connection, as people read of it.
    var lines: [String] {
        entries.flatMap { key, list in
            list.filter { $0.ends.identification == nil && now - $0.time < Self.lifetime($0) }.map { entry in
                let ends = entry.ends
                let (from, to) = (Self.hexadecimal(ends.source), Self.hexadecimal(ends.destination))
                return "\(key) \(ends.transport) \(from).\(ends.sourcePort) \(to).\(ends.destinationPort) "
                    + "\(entry.state.rawValue) \(entry.isBlocked) \(entry.isFromPort) \((now - entry.time) / 1000)"
            }
        }
        .sorted()
    }

    static func hexadecimal(_ octets: [UInt8]) -> String {
        octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
