import Southbound
import Wire

@testable import Datapath

/// The server of RFC 8415 section 18.3 that has one address to give.
extension DHCPv6Reply {
    static func twin(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        let servers = IPv6Address(high: 0xff02 << 48, low: 0x10002)
        guard let id = context.port.dhcpv6Options, let header = frame.ipv6, header.destination == servers,
            let server = context.records.input.dhcpResponders.first(where: { $0.id == id }),
            server.cidr.address.bitCount == 128,
            let client = context.port.addresses.first(where: { address in
                address.mac == frame.source
                    && (server.isStateless || address.ips.contains { OracleDHCP.contains(server.cidr, $0) })
            }),
            header.source != .any, !header.source.isMulticast,
            let payload = OracleDatagram.payload(of: frame, from: 546, to: 547)
        else { return .next }
        guard let request = OracleDHCPv6Request(payload) else { return .drop(.dhcpMalformed) }
        let ownID: [UInt8] = [0, 3, 0, 1] + server.serverMAC.octets
        if let other = request.serverID, other != ownID { return .next }
        let toOne = request.serverID != nil
        let isKnown = request.clientID != nil
        let offer = server.isStateless ? nil : client.ips.first { OracleDHCP.contains(server.cidr, $0) }
        var type: UInt8 = 7
        var content: [UInt8]?
        var isWithOptions = true
        switch payload[0] {
        case 1 where isKnown && !toOne:
            if !request.codes.contains(14) { type = 2 }
            content = (type == 7 ? [0, 14, 0, 0] : []) + request.associations(offer, server)
        case 3 where isKnown && toOne, 5 where isKnown && toOne, 6 where isKnown && !toOne:
            content = request.associations(offer, server)
        case 4 where isKnown && !toOne:
            let addresses = request.addresses
            guard !addresses.isEmpty, let offer else { return .drop(.dhcpUnanswered) }
            content = [0, 13, 0, 2, 0, addresses.allSatisfy { .v6($0) == offer } ? 0 : 4]
            isWithOptions = false
        case 8 where isKnown && toOne, 9 where isKnown && toOne:
            content = [0, 13, 0, 2, 0, 0]
            isWithOptions = false
        case 11 where !request.codes.contains(where: [3, 4, 25].contains): content = []
        default: break
        }
        guard let content else { return .drop(.dhcpMalformed) }
        var answer = [type] + payload[1..<4]
        if let clientID = request.clientID { answer += [0, 1, 0, UInt8(clientID.count)] + clientID }
        answer += [0, 2, 0, 10] + ownID + content
        let room = 1280 - 48
        guard answer.count <= room else { return .drop(.dhcpMalformed) }
        if isWithOptions {
            for option in request.chosen(of: server.options) where answer.count + option.count <= room {
                answer += option
            }
        }
        return .answer(
            OracleDatagram.answer(
                (server.serverMAC, frame.source),
                (.v6(server.serverMAC.linkLocalAddress), .v6(header.source)),
                (547, 546),
                answer
            )
        )
    }
}

/// The options of a request; `nil` if it contradicts itself.
struct OracleDHCPv6Request {
    var options: [(code: Int, value: [UInt8])] = []

    var codes: [Int] { options.map(\.code) }
    var clientID: [UInt8]? { options.first { $0.code == 1 }?.value }
    var serverID: [UInt8]? { options.first { $0.code == 2 }?.value }

    init?(_ message: [UInt8]) {
        guard message.count >= 4, (1...11).contains(message[0]),
            let options = Self.options(Array(message[4...])), options.isWhole
        else { return nil }
        self.options = options.list
        for code in [1, 2] {
            let values = self.options.filter { $0.code == code }
            guard values.count < 2, values.allSatisfy({ (3...130).contains($0.value.count) }) else { return nil }
        }
        for option in self.options {
            guard ![3, 25].contains(option.code) || option.value.count >= 12 else { return nil }
            guard option.code != 4 || option.value.count >= 4 else { return nil }
        }
    }

    private static func options(_ octets: [UInt8]) -> (list: [(code: Int, value: [UInt8])], isWhole: Bool)? {
        var rest = octets
        var list: [(code: Int, value: [UInt8])] = []
        while rest.count >= 4 {
            let count = Int(rest[2]) << 8 | Int(rest[3])
            guard rest.count >= 4 + count else { return (list, false) }
            list.append((Int(rest[0]) << 8 | Int(rest[1]), Array(rest[4..<4 + count])))
            rest.removeFirst(4 + count)
        }
        return (list, rest.isEmpty)
    }

    private static func addresses(in association: [UInt8]) -> [IPv6Address] {
        (options(Array(association[12...]))?.list ?? []).filter { $0.code == 5 && $0.value.count >= 24 }.map { option in
            let halves = [option.value[0..<8], option.value[8..<16]].map {
                $0.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            }
            return IPv6Address(high: halves[0], low: halves[1])
        }
    }

    /// The addresses of all associations.
    var addresses: [IPv6Address] { options.filter { $0.code == 3 }.flatMap { Self.addresses(in: $0.value) } }

    func associations(_ offer: IPAddress?, _ server: DHCPResponder) -> [UInt8] {
        var offer = offer
        var answer: [UInt8] = []
        for option in options where [3, 4, 25].contains(option.code) {
            var value = Array(option.value[0..<4])
            if option.code == 3, case .v6(let address)? = offer {
                let lease = server.leaseTime ?? .max
                var first = server.t1 ?? 0
                if first == 0 { first = lease == .max ? .max : lease / 2 }
                var second = server.t2 ?? 0
                if second == 0 { second = lease == .max ? .max : max(first, lease / 5 * 4) }
                value += OracleDatagram.octets(first) + OracleDatagram.octets(second)
                let former = Self.addresses(in: option.value).filter { $0 != address }
                for (ip, time) in [(address, lease)] + former.map({ ($0, 0) }) {
                    value += [0, 5, 0, 24] + OracleChecksum.octets(of: ip)
                    value += OracleDatagram.octets(time) + OracleDatagram.octets(time)
                }
                offer = nil
            } else {
                value += option.code == 4 ? [] : [UInt8](repeating: 0, count: 8)
                value += [0, 13, 0, 2, 0, option.code == 25 ? 6 : 2]
            }
            answer += [0, UInt8(option.code)] + OracleDatagram.octets(UInt16(value.count)) + value
        }
        return answer
    }

    /// The options of the record that this client gets, encoded.
    func chosen(of octets: [UInt8]) -> [[UInt8]] {
        let all = Self.options(octets)?.list ?? []
        let isIPXE = options.contains { $0.code == 15 && Self.classes($0.value).contains(Array("iPXE".utf8)) }
        let hasBoth = [59, 254].allSatisfy { code in all.contains { $0.code == code } }
        return all.filter { !hasBoth || $0.code != (isIPXE ? 254 : 59) }.map { option in
            OracleDatagram.octets(UInt16(option.code == 254 ? 59 : option.code))
                + OracleDatagram.octets(UInt16(option.value.count)) + option.value
        }
    }

    private static func classes(_ octets: [UInt8]) -> [[UInt8]] {
        var rest = octets
        var classes: [[UInt8]] = []
        while rest.count >= 2 {
            let count = Int(rest[0]) << 8 | Int(rest[1])
            guard rest.count >= 2 + count else { break }
            classes.append(Array(rest[2..<2 + count]))
            rest.removeFirst(2 + count)
        }
        return classes
    }
}
