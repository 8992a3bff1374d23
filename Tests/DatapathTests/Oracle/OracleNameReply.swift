import Southbound
import Wire

@testable import Datapath

/// The names of a switch.
enum OracleNames {
    struct Entry {
        var ips: [IPAddress] = []
        var target: String?
        var isOwned = false
    }

    static func octets(of name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
    }

    /// The entry of a name in lower case: responders in their order, then ports by key.
    static func entry(of name: String, _ context: OracleContext) -> Entry? {
        let datapath = context.datapath
        for id in datapath.dnsRecords {
            guard let responder = context.records.input.dnsResponders.first(where: { $0.id == id }) else { continue }
            let ips = responder.records[name]
            let target = responder.pointers[name]
            if ips == nil, target == nil { continue }
            return Entry(ips: ips ?? [], target: target, isOwned: responder.isOwned)
        }
        guard let domain = datapath.dnsDomain else { return nil }
        for port in context.ports {
            let own = "\(port.logicalPort).\(domain)".lowercased()
            let ips = port.addresses.flatMap(\.ips)
            if own == name, !ips.isEmpty { return Entry(ips: ips, isOwned: true) }
            if ips.contains(where: { DomainName(reverse: $0).description == name }) {
                return Entry(target: own, isOwned: true)
            }
        }
        return nil
    }
}

extension NameReply: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        let datapath = context.datapath
        guard datapath.dnsDomain != nil || !datapath.dnsRecords.isEmpty, !frame.destination.isMulticast,
            !context.arrived.isInVLAN, !context.port.isLocalnet,
            let ips = ips(of: frame), let query = OracleDatagram.payload(of: frame, to: 53),
            let question = OracleQuestion(query), let entry = OracleNames.entry(of: question.name, context)
        else { return .next }
        let isIPv6 = frame.ipv6 != nil
        var records: [[UInt8]] = []
        if [1, 255].contains(question.type) {
            for case .v4(let ip) in entry.ips { records.append(record(1, OracleDatagram.octets(ip.rawValue))) }
        }
        if [28, 255].contains(question.type) {
            for case .v6(let ip) in entry.ips { records.append(record(28, OracleChecksum.octets(of: ip))) }
        }
        if let target = entry.target, [12, 255].contains(question.type) {
            records.append(record(12, OracleNames.octets(of: target)))
        }
        var answer = question.octets
        let start = isIPv6 ? 62 : 42
        let room = min(min(question.most, 1232) - (question.hasExtension ? 11 : 0), 1302 - start)
        var count: UInt16 = 0
        for record in records {
            guard answer.count + record.count <= room else { break }
            answer += record
            count += 1
        }
        guard count > 0 || entry.isOwned else { return .next }
        let flags = (UInt16(query[2]) << 8 | UInt16(query[3])) & 0x0110 | 0x8480
        let head = Array(query[0..<2]) + OracleDatagram.octets(flags) + [0, 1] + OracleDatagram.octets(count)
        answer = head + [0, 0, 0, question.hasExtension ? 1 : 0] + answer[12...]
        if question.hasExtension { answer += [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0] }
        return .answer(
            OracleDatagram.answer(
                (frame.destination, frame.source),
                (ips.destination, ips.source),
                (53, OracleDatagram.sourcePort(of: frame)),
                answer
            )
        )
    }

    private static func ips(of frame: OracleFrame) -> (source: IPAddress, destination: IPAddress)? {
        if let header = frame.ipv4 {
            let isHost = header.source != .any && header.source.rawValue < 0xe000_0000
            return isHost && header.destination.rawValue < 0xe000_0000
                ? (.v4(header.source), .v4(header.destination)) : nil
        }
        guard let header = frame.ipv6, header.source != .any, !header.source.isMulticast,
            !header.destination.isMulticast
        else { return nil }
        return (.v6(header.source), .v6(header.destination))
    }

    private static func record(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
        [0xc0, 12] + OracleDatagram.octets(type) + [0, 1, 0, 0, 0x0e, 0x10] + OracleDatagram.octets(UInt16(data.count))
            + data
    }
}

/// The one question of a query.
struct OracleQuestion {
    var name = ""
    var type: UInt16 = 0
    /// Octets of an answer that the client takes.
    var most = 512
    var hasExtension = false
    /// The query up to the end of its question.
    var octets: [UInt8]

    init?(_ query: [UInt8]) {
        guard query.count >= 12, query[2] & 0xfa == 0, query[4..<10] == [0, 1, 0, 0, 0, 0], query[10] == 0,
            query[11] <= 1
        else { return nil }
        var labels: [String] = []
        var rest = Array(query[12...])
        while let count = rest.first, count > 0 {
            guard count < 64, rest.count > Int(count) else { return nil }
            // Octets one by one, so that any can be told.
            labels.append(String(String.UnicodeScalarView(rest[1...Int(count)].map { UnicodeScalar($0) })))
            rest.removeFirst(1 + Int(count))
        }
        guard rest.count >= 5, query.count - 12 - rest.count + 1 <= 255 else { return nil }
        name = labels.map { Self.lowercased($0) }.joined(separator: ".")
        type = UInt16(rest[1]) << 8 | UInt16(rest[2])
        guard [[0, 1], [0, 255]].contains(Array(rest[3..<5])) else { return nil }
        // A dot within a label is not one between labels.
        if labels.contains(where: { $0.contains(".") }) { return nil }
        octets = Array(query[..<(query.count - rest.count + 5)])
        guard query[11] == 1 else { return }
        let extra = Array(rest[5...])
        guard extra.count >= 11, extra[0] == 0, extra[1] == 0, extra[2] == 41, extra[6] == 0,
            extra.count - 11 >= Int(extra[9]) << 8 | Int(extra[10])
        else { return nil }
        hasExtension = true
        most = max(most, Int(extra[3]) << 8 | Int(extra[4]))
    }

    private static func lowercased(_ label: String) -> String {
        String(
            String.UnicodeScalarView(
                label.unicodeScalars.map { ("A"..."Z").contains($0) ? UnicodeScalar($0.value | 0x20) ?? $0 : $0 }
            )
        )
    }
}
