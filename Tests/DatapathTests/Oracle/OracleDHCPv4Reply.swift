import Southbound
import Wire

@testable import Datapath

/// The server of RFC 2131 that has one address to give, by the conditions of northd's `ls_in_dhcp_options`.
extension DHCPv4Reply {
    static func twin(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        guard let id = context.port.dhcpv4Options, let header = frame.ipv4,
            let server = context.records.input.dhcpResponders.first(where: { $0.id == id }),
            let serverID = server.serverID, header.destination == .broadcast || header.destination == serverID,
            let client = context.port.addresses.first(where: {
                $0.mac == frame.source && $0.ips.contains { OracleDHCP.contains(server.cidr, $0) }
            }),
            case .v4(let offered)? = client.ips.first(where: { OracleDHCP.contains(server.cidr, $0) }),
            header.source == .any || header.source == offered,
            let payload = OracleDatagram.payload(of: frame, from: 68, to: 67)
        else { return .next }
        guard let request = OracleDHCPv4Request(payload) else { return .drop(.dhcpMalformed) }
        let answer: UInt8
        switch request.type {
        case 1: answer = 2
        case 3:
            if let chosen = request.options[54], chosen != OracleDatagram.octets(serverID.rawValue) { return .next }
            let asked = request.options[50] ?? Array(payload[12..<16])
            answer = asked == OracleDatagram.octets(offered.rawValue) ? 5 : 6
        case 8: answer = 5
        case 4, 7: return .drop(.dhcpUnanswered)
        default: return .drop(.dhcpMalformed)
        }
        let message = OracleDHCPv4Answer(request, payload, server, offered, context.records.input.innerMTU)
        var destination = offered
        if request.type == 8 { destination = request.address(at: 12, payload) }
        if answer == 6 || payload[10] & 0x80 != 0 || destination == .any { destination = .broadcast }
        return .answer(
            OracleDatagram.answer(
                (server.serverMAC, frame.source),
                (.v4(serverID), .v4(destination)),
                (67, 68),
                message.octets(answer)
            )
        )
    }
}

enum OracleDHCP {
    static func contains(_ network: IPPrefix, _ ip: IPAddress) -> Bool {
        guard network.address.bitCount == ip.bitCount, let prefix = IPPrefix(address: ip, length: network.length) else {
            return false
        }
        return bits(prefix.address).prefix(network.length) == bits(network.address).prefix(network.length)
    }

    private static func bits(_ ip: IPAddress) -> [Bool] {
        switch ip {
        case .v4(let ip): (0..<32).map { ip.rawValue >> (31 - $0) & 1 == 1 }
        case .v6(let ip):
            (0..<64).map { ip.high >> (63 - $0) & 1 == 1 } + (0..<64).map { ip.low >> (63 - $0) & 1 == 1 }
        }
    }
}

/// The options of a request by code; `nil` if the message contradicts itself.
struct OracleDHCPv4Request {
    var type: UInt8 = 0
    var options: [UInt8: [UInt8]] = [:]

    init?(_ message: [UInt8]) {
        guard message.count >= 240, message[236..<240] == [0x63, 0x82, 0x53, 0x63], message[0] == 1, message[2] <= 16,
            read(message[240...])
        else { return nil }
        let overload = options[52]?.first ?? 0
        if overload & 1 == 1 { guard read(message[108..<236]) else { return nil } }
        if overload & 2 == 2 { guard read(message[44..<108]) else { return nil } }
        let sizes: [UInt8: Int] = [53: 1, 52: 1, 50: 4, 54: 4, 57: 2]
        for (code, size) in sizes where options[code] != nil && options[code]?.count != size { return nil }
        guard let kind = options[53]?.first, (1...8).contains(kind) else { return nil }
        type = kind
    }

    private mutating func read(_ field: ArraySlice<UInt8>) -> Bool {
        var rest = Array(field)
        while let code = rest.first, code != 255 {
            if code == 0 {
                rest.removeFirst()
                continue
            }
            guard rest.count >= 2, rest.count >= 2 + Int(rest[1]) else { return false }
            let isOnce = [50, 52, 53, 54, 55, 57, 61].contains(code)
            if isOnce, let former = options[code], !(code == 52 && former == [0]), !(code == 53 && former == [0]) {
                return false
            }
            options[code] = Array(rest[2..<2 + Int(rest[1])])
            rest.removeFirst(2 + Int(rest[1]))
        }
        return true
    }

    func address(at offset: Int, _ message: [UInt8]) -> IPv4Address {
        IPv4Address(message[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
    }
}

/// The octets of an answer.
struct OracleDHCPv4Answer {
    let request: OracleDHCPv4Request
    let message: [UInt8]
    let server: DHCPResponder
    let offered: IPv4Address
    let mtu: Int

    init(
        _ request: OracleDHCPv4Request,
        _ message: [UInt8],
        _ server: DHCPResponder,
        _ offered: IPv4Address,
        _ mtu: Int
    ) {
        self.request = request
        self.message = message
        self.server = server
        self.offered = offered
        self.mtu = mtu
    }

    func octets(_ type: UInt8) -> [UInt8] {
        let isRefusal = type == 6
        let isInform = request.type == 8
        let most = max(request.options[57].map { Int($0[0]) << 8 | Int($0[1]) } ?? 0, 576)
        let room = min(most + 14, 1302) - 42
        var answer: [UInt8] = [2, message[1], message[2], 0] + message[4..<8] + [0, 0] + message[10..<12]
        answer += type == 5 ? Array(message[12..<16]) : [0, 0, 0, 0]
        answer += isRefusal || isInform ? [0, 0, 0, 0] : OracleDatagram.octets(offered.rawValue)
        answer += isRefusal ? [0, 0, 0, 0] : OracleDatagram.octets(server.nextServer?.rawValue ?? 0)
        answer += message[24..<44] + [UInt8](repeating: 0, count: 192) + [0x63, 0x82, 0x53, 0x63]
        var options: [[UInt8]] = [[53, 1, type], [54, 4] + OracleDatagram.octets(server.serverID?.rawValue ?? 0)]
        if let client = request.options[61], !client.isEmpty { options.append([61, UInt8(client.count)] + client) }
        if !isRefusal, !isInform {
            options.append([51, 4] + OracleDatagram.octets(server.leaseTime ?? .max))
            if let time = server.t1, time != 0 { options.append([58, 4] + OracleDatagram.octets(time)) }
            if let time = server.t2, time != 0 { options.append([59, 4] + OracleDatagram.octets(time)) }
        }
        for option in options + (isRefusal ? [] : chosen) where answer.count + option.count < room { answer += option }
        answer.append(255)
        return answer + [UInt8](repeating: 0, count: max(0, 300 - answer.count))
    }

    /// The options of the record in the order in which they are tried, those of one code together.
    private var chosen: [[UInt8]] {
        var byCode: [UInt8: [UInt8]] = [26: [26, 2] + OracleDatagram.octets(UInt16(clamping: mtu))]
        var rest = server.options
        var seen: Set<UInt8> = []
        while rest.count >= 2, rest.count >= 2 + Int(rest[1]) {
            let code = rest[0]
            let option = Array(rest.prefix(2 + Int(rest[1])))
            byCode[code] = (seen.contains(code) ? byCode[code] ?? [] : []) + option
            seen.insert(code)
            rest.removeFirst(option.count)
        }
        if request.type == 8 { byCode[1] = nil }
        byCode[0] = nil
        byCode[255] = nil
        if let other = byCode.removeValue(forKey: 254), request.options[175] == nil || byCode[67] == nil {
            byCode[67] = Self.recoded(other, as: 67)
        }
        var chosen: [[UInt8]] = []
        for code in (request.options[55] ?? []) + Array(1...254) {
            if let option = byCode.removeValue(forKey: code) { chosen.append(option) }
        }
        return chosen
    }

    /// Options of one code as those of another.
    private static func recoded(_ options: [UInt8], as code: UInt8) -> [UInt8] {
        var options = options
        var offset = 0
        while offset < options.count {
            options[offset] = code
            offset += 2 + Int(options[offset + 1])
        }
        return options
    }
}
