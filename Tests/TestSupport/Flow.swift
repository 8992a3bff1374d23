/// Makes superpackets and segments of one flow for tests, and cuts and sums them the slow way. It goes from
/// 02:00:00:00:00:00 to 02:00:00:00:00:01, over IPv4 from 10.0.0.1 to 10.0.0.2.
public struct Flow: Sendable {
    /// Of the frames to be made.
    public var isIPv6 = false
    /// Of the frames to be made.
    public var isUDP = false
    /// TCP's options, in whole words.
    public var options: [UInt8] = []
    /// Of the first octet.
    public var sequence: UInt32 = 0xffff_f000
    /// IPv4's; it counts on.
    public var identification: UInt16 = 0xfffe
    /// The whole octet.
    public var trafficClass: UInt8 = 2
    /// IPv4's don't-fragment bit.
    public var doesNotFragment = true
    /// TCP's.
    public var flags: UInt8 = 0x18
    /// TCP's.
    public var acknowledgment: UInt32 = 77

    /// A flow; TCP over IPv4 with ECT(0) unless told otherwise.
    public init(
        isIPv6: Bool = false,
        isUDP: Bool = false,
        doesNotFragment: Bool = true,
        options: [UInt8] = [],
        trafficClass: UInt8 = 2,
        flags: UInt8 = 0x18
    ) {
        self.isIPv6 = isIPv6
        self.isUDP = isUDP
        self.doesNotFragment = doesNotFragment
        self.options = options
        self.trafficClass = trafficClass
        self.flags = flags
    }

    /// Octets of the IP header.
    public var networkByteCount: Int { isIPv6 ? 40 : 20 }
    /// Octets of all headers.
    public var headerByteCount: Int { 14 + networkByteCount + (isUDP ? 8 : 20 + options.count) }

    /// A whole frame with right checksums.
    public func frame(_ payload: [UInt8]) -> [UInt8] {
        var transport = transportHeader(payload.count)
        let field = isUDP ? 6 : 16
        var sum = Self.sum(pseudoHeader(transport.count + payload.count) + transport + payload)
        sum = ~sum
        if isUDP, sum == 0 { sum = 0xffff }
        transport[field] = UInt8(sum >> 8)
        transport[field + 1] = UInt8(sum & 0xff)
        return ethernet + network(transport.count + payload.count) + transport + payload
    }

    /// The segments of a payload, cut the slow way: each is a frame of its own.
    public func segments(_ payload: [UInt8], segmentByteCount: Int) -> [[UInt8]] {
        stride(from: 0, to: payload.count, by: segmentByteCount).enumerated().map { index, offset in
            var flow = self
            flow.identification &+= UInt16(index)
            flow.sequence &+= UInt32(offset)
            if index > 0 { flow.flags &= ~0x80 }
            if offset + segmentByteCount < payload.count { flow.flags &= ~0x09 }
            return flow.frame(Array(payload[offset..<min(payload.count, offset + segmentByteCount)]))
        }
    }

    /// A superpacket as a guest sends it, and its virtio-net header: its checksum field holds the pseudo-header's sum.
    public func superpacket(_ payload: [UInt8], segmentByteCount: Int) -> (frame: [UInt8], header: [UInt8]) {
        var frame = frame(payload)
        let start = 14 + networkByteCount
        let sum = Self.sum(pseudoHeader(frame.count - start))
        let offset = isUDP ? 6 : 16
        frame[start + offset] = UInt8(sum >> 8)
        frame[start + offset + 1] = UInt8(sum & 0xff)
        let words = [headerByteCount, segmentByteCount, start, offset]
        let kind: UInt8 = isUDP ? 5 : isIPv6 ? 4 : 1
        return (frame, [1, kind] + words.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] })
    }

    /// Octets that are not all the same.
    public static func payload(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    /// RFC 1071, word by word.
    public static func sum(_ bytes: [UInt8]) -> UInt16 {
        var total: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            total += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
            total = (total & 0xffff) + total >> 16
        }
        return UInt16(total)
    }

    private var ethernet: [UInt8] { [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0] + (isIPv6 ? [0x86, 0xdd] : [8, 0]) }

    private var addresses: [UInt8] {
        isIPv6 ? (0..<32).map { $0 == 0 || $0 == 16 ? 0xfd : UInt8($0) } : [10, 0, 0, 1, 10, 0, 0, 2]
    }

    private func pseudoHeader(_ count: Int) -> [UInt8] {
        addresses + [0, 0, UInt8(count >> 8), UInt8(count & 0xff), 0, isUDP ? 17 : 6]
    }

    private func network(_ count: Int) -> [UInt8] {
        let number: UInt8 = isUDP ? 17 : 6
        guard !isIPv6 else {
            return [0x60 | trafficClass >> 4, trafficClass << 4 | 3, 4, 5, UInt8(count >> 8), UInt8(count & 0xff)]
                + [number, 64] + addresses
        }
        let total = count + 20
        var header: [UInt8] = [0x45, trafficClass, UInt8(total >> 8), UInt8(total & 0xff)]
        header += [UInt8(identification >> 8), UInt8(identification & 0xff)]
        header += [doesNotFragment ? 0x40 : 0, 0, 64, number, 0, 0] + addresses
        let sum = ~Self.sum(header)
        header[10] = UInt8(sum >> 8)
        header[11] = UInt8(sum & 0xff)
        return header
    }

    private func transportHeader(_ payloadByteCount: Int) -> [UInt8] {
        let ports: [UInt8] = [0x9c, 0x40, 0x14, 0x51]
        if isUDP {
            let count = payloadByteCount + 8
            return ports + [UInt8(count >> 8), UInt8(count & 0xff), 0, 0]
        }
        return ports + Self.octets(sequence) + Self.octets(acknowledgment)
            + [UInt8(5 + options.count / 4) << 4, flags, 1, 0, 0, 0, 0, 0] + options
    }

    private static func octets(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) }
    }
}
