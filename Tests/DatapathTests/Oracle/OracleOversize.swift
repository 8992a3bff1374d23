import Wire

/// The treatment of a frame that is longer than the path to another host carries.
struct OracleOversize {
    /// Behind the Ethernet header.
    let mtu: Int

    /// RFC 791 section 2.3 and RFC 8200 section 5.
    func mayBeFragmented(_ frame: OracleFrame) -> Bool {
        let mtu = mtu - (frame.start - 14)
        if let header = frame.ipv4 { return !header.doesNotFragment && header.totalByteCount > header.byteCount }
        guard let header = frame.ipv6, mtu < 1280, header.payloadByteCount + 40 <= 1280 else { return false }
        // Directly after the header: a transport or a fragment header.
        let next = frame.bytes[frame.start + 6]
        let isFragment = next == 44
        guard isFragment || ![0, 43, 51, 60].contains(next) else { return false }
        return header.payloadByteCount > (isFragment ? 8 : 0)
    }

    /// RFC 1191 and RFC 8201, with the offending packet's addresses swapped.
    func tooBigReply(to frame: OracleFrame) -> [UInt8]? {
        let tags = Array(frame.bytes[12..<frame.start])
        let start = Array(frame.bytes[6..<12] + frame.bytes[0..<6]) + tags
        let mtu = mtu - (tags.count - 2)
        if let header = frame.ipv4 {
            guard header.doesNotFragment, !header.isFragment, mtu >= 576 else { return nil }
            // The reserved bit of the flags must be zero as well: "frag_off exactly DF".
            guard frame.bytes[frame.start + 6] & 0x80 == 0 else { return nil }
            for address in [header.source.rawValue >> 24, header.destination.rawValue >> 24] where address >= 224 {
                return nil
            }
            guard header.source != .any else { return nil }
            if header.protocolNumber == 1 {
                guard let type = frame.transport?.first, ![3, 4, 5, 11, 12].contains(type) else { return nil }
            }
            let packet = frame.bytes[frame.start..<frame.start + Int(header.totalByteCount)]
            var message: [UInt8] = [3, 4, 0, 0, 0, 0, UInt8(mtu >> 8), UInt8(mtu & 255)] + packet.prefix(548)
            OracleChecksum.put(OracleChecksum.of(message), into: &message)
            let ip = FrameBuilder.ipv4(header.destination, header.source, protocolNumber: 1, payload: message)
            return start + ip
        }
        let ipv6MTU = max(mtu, 1280)
        guard let header = frame.ipv6, let transport = frame.transport else { return nil }
        if header.source == .any || header.source.isMulticast || header.destination.isMulticast { return nil }
        if frame.protocolNumber == 58 {
            guard let type = transport.first, type >= 128 else { return nil }
        }
        let packet = frame.bytes[frame.start..<frame.start + 40 + Int(header.payloadByteCount)]
        var message: [UInt8] = [2, 0, 0, 0, 0, 0, UInt8(ipv6MTU >> 8), UInt8(ipv6MTU & 255)] + packet.prefix(1232)
        OracleChecksum.seal(&message, from: header.destination, to: header.source)
        return start
            + FrameBuilder.ipv6(header.destination, header.source, nextHeader: 58, hopLimit: 64, payload: message)
    }
}
