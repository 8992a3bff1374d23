@testable import Datapath

/// Which packets begin a connection, by the words of docs/acls.md.
enum OracleConnection {
    /// True if a packet may be the first of a connection, or is of none and judged by itself.
    static func begins(by frame: OracleFrame) -> Bool {
        guard let octets = frame.transport.map({ Array($0) }) else { return false }
        switch frame.protocolNumber {
        case 6:
            guard octets.count >= 20, octets[12] >> 4 >= 5, octets.count >= Int(octets[12] >> 4) * 4 else {
                return false
            }
            // SYN alone, or ACK without SYN, FIN and RST.
            return octets[13] & 0x17 == 0x02 || octets[13] & 0x17 == 0x10
        case 17: return octets.count >= 8
        case 132: return octets.count >= 16 && ![6, 8, 14].contains(octets[12])
        case 1 where frame.ipv4 != nil:
            guard octets.count >= 8 else { return false }
            // No error and no answer.
            return ![3, 4, 5, 11, 12, 0, 14, 16, 18].contains(octets[0])
        case 58 where frame.ipv6 != nil:
            guard octets.count >= 4 else { return false }
            return octets.count < 8 || ![1, 2, 3, 4, 129].contains(octets[0])
        default: return true
        }
    }
}
