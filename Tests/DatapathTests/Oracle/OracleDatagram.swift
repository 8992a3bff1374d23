import Southbound
import Wire

@testable import Datapath

/// A UDP datagram as the oracle's twins read and write it.
enum OracleDatagram {
    /// The payload of a whole datagram between two ports.
    static func payload(of frame: OracleFrame, from source: UInt16? = nil, to destination: UInt16) -> [UInt8]? {
        guard frame.protocolNumber == 17, let transport = frame.transport, transport.count >= 8 else { return nil }
        if let ip = frame.ipv4, ip.isFragment { return nil }
        if frame.isIPv6Fragment { return nil }
        let words = (0..<4).map { UInt16(transport[2 * $0]) << 8 | UInt16(transport[2 * $0 + 1]) }
        guard source == nil || words[0] == source, words[1] == destination, words[2] >= 8,
            Int(words[2]) <= transport.count
        else { return nil }
        return Array(transport[8..<Int(words[2])])
    }

    /// The port that the datagram came from.
    static func sourcePort(of frame: OracleFrame) -> UInt16 {
        guard let transport = frame.transport, transport.count >= 2 else { return 0 }
        return UInt16(transport[0]) << 8 | UInt16(transport[1])
    }

    static func answer(
        _ macs: (source: MACAddress, destination: MACAddress),
        _ ips: (source: IPAddress, destination: IPAddress),
        _ ports: (source: UInt16, destination: UInt16),
        _ payload: [UInt8]
    ) -> [UInt8] {
        var udp =
            octets(ports.source) + octets(ports.destination) + octets(UInt16(8 + payload.count)) + [0, 0] + payload
        var sum = InternetChecksum()
        var pseudo: [UInt8] = []
        switch ips {
        case (.v4(let source), .v4(let destination)):
            pseudo = octets(source.rawValue) + octets(destination.rawValue)
        case (.v6(let source), .v6(let destination)):
            pseudo = OracleChecksum.octets(of: source) + OracleChecksum.octets(of: destination)
        default: break
        }
        sum.add((pseudo + octets(UInt32(udp.count)) + [0, 0, 0, 17] + udp).span)
        let value = sum.value == 0 ? 0xffff : sum.value
        udp.replaceSubrange(6..<8, with: octets(value))
        switch ips {
        case (.v4(let source), .v4(let destination)):
            let packet = FrameBuilder.ipv4(source, destination, payload: udp)
            return FrameBuilder.ethernet(macs.source, macs.destination, 0x0800, payload: packet)
        case (.v6(let source), .v6(let destination)):
            let packet = FrameBuilder.ipv6(source, destination, hopLimit: 64, payload: udp)
            return FrameBuilder.ethernet(macs.source, macs.destination, 0x86dd, payload: packet)
        default: return []
        }
    }

    static func octets(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    static func octets(_ value: UInt32) -> [UInt8] { octets(UInt16(value >> 16)) + octets(UInt16(value & 0xffff)) }
}
