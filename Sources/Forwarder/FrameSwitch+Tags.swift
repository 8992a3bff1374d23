import CLinux
import Datapath
import Glibc
import Wire

// To and from hosts that this one has keys with: tags go into headers at the very end of the way out, and out of them
// at the beginning of the way in, so that nothing in between knows of them.

extension FrameSwitch {
    /// Sends a train with tags: as few messages as its datagrams fit into with what tags take.
    mutating func sendTagged(
        _ index: Int,
        under key: UnsafePointer<SipHashKey>,
        _ generation: UnsafePointer<Generation>
    ) {
        let train = sending.trains + index
        let size = train.pointee.datagramByteCount + TunnelTag.optionByteCount
        let isCut = generation.pointee.isCutting && !uncutPlaces.isPausing(train.pointee.place)
        let perMessage = isCut ? max(1, TrainBatch.trainByteCountMaximum / size) : 1
        var (part, offset) = (0, 0)
        var rest = train.pointee.byteCount
        while rest > 0 {
            var (count, partCount, frameByteCount) = (0, 0, 0)
            while rest > 0, count < perMessage {
                let byteCount = min(train.pointee.datagramByteCount, rest)
                rest -= byteCount
                let sliceCount = train.pointee.slice(byteCount, &part, &offset, into: sending.slices)
                partCount += tag(count, byteCount, sliceCount, partCount, key)
                frameByteCount += byteCount - Verdict.geneveHeaderByteCount
                count += 1
            }
            sendTagged(index, partCount, datagramCount: count, size: size, frameByteCount, generation)
        }
    }

    /// Makes the parts of a datagram with a tag; how many they are.
    private func tag(
        _ number: Int,
        _ byteCount: Int,
        _ sliceCount: Int,
        _ first: Int,
        _ key: UnsafePointer<SipHashKey>
    ) -> Int {
        guard let plain = sending.slices[0].iov_base else { return 0 }
        let headerByteCount = Verdict.geneveHeaderByteCount
        let frameByteCount = byteCount - headerByteCount
        let header = tags.headers + number * TunnelTag.headerByteCount
        let room = TunnelTag.begin(tags.message, header: plain, frameByteCount: frameByteCount)
        tags.parts[first] = iovec(iov_base: header, iov_len: TunnelTag.headerByteCount)
        var (count, covered) = (1, 0)
        for index in 0..<sliceCount {
            guard let base = sending.slices[index].iov_base else { continue }
            // OVN's header lies in the first slice as a whole.
            let skipped = index == 0 ? headerByteCount : 0
            let length = sending.slices[index].iov_len - skipped
            guard length > 0 else { continue }
            let taken = min(length, TunnelTag.coveredByteCount - covered)
            (room + covered).copyMemory(from: base + skipped, byteCount: taken)
            covered += taken
            tags.parts[first + count] = iovec(iov_base: base + skipped, iov_len: length)
            count += 1
        }
        TunnelTag.write(
            header: plain,
            message: tags.message,
            byteCount: headerByteCount + 8 + covered,
            key: key.pointee,
            to: header
        )
        return count
    }

    private mutating func sendTagged(
        _ index: Int,
        _ partCount: Int,
        datagramCount: Int,
        size: Int,
        _ frameByteCount: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        let train = sending.trains + index
        let message = sending.messages + index
        let isIPv6 = message.pointee.msg_hdr.msg_namelen > socklen_t(MemoryLayout<sockaddr_in>.size)
        let controlByteCount = clinux_make_control(
            tags.control,
            UInt16(truncatingIfNeeded: datagramCount > 1 ? size : 0),
            isIPv6 ? 1 : 0,
            Int32(train.pointee.congestion.rawValue)
        )
        message.pointee.msg_hdr.msg_iov = tags.parts
        message.pointee.msg_hdr.msg_iovlen = partCount
        message.pointee.msg_hdr.msg_control = controlByteCount > 0 ? tags.control : nil
        message.pointee.msg_hdr.msg_controllen = controlByteCount
        let socket = train.pointee.socket
        var result = socket < 0 ? -1 : underlay.send(socket, message, 1)
        if Self.isPending(result) { result = underlay.send(socket, message, 1) }
        if result > 0 {
            noteSent(train, datagramCount: datagramCount, byteCount: frameByteCount)
            return
        }
        // The next trains to that place go singly; this one is a loss that its senders make good.
        if datagramCount > 1, Self.isRefusalToCut(result) { uncutPlaces.note(train.pointee.place) }
        noteUnsent(train, datagramCount: datagramCount, Self.reason(result), generation)
    }

    /// Takes the tag of a datagram out, if its sender has to have put one in. Control packets have none: they go no
    /// further than to this host, and probes among them prove themselves.
    /// - Returns: the octets by which the datagram begins later, or `nil` if it goes nowhere.
    func untag(
        _ datagram: UnsafeMutableRawPointer,
        _ byteCount: Int,
        from peer: UnsafePointer<TunnelPeers.Peer>,
        now: Duration
    ) -> Int? {
        guard TunnelTag.isThere(datagram, byteCount: byteCount) else {
            let isControl = byteCount > 1 && datagram.load(fromByteOffset: 1, as: UInt8.self) & 0x80 != 0
            return isControl || now < peer.pointee.enforcedAt ? 0 : nil
        }
        let isRight = TunnelTag.strip(
            datagram,
            byteCount: byteCount,
            keys: peer.pointee.keys,
            keyCount: peer.pointee.keyCount,
            message: tags.message
        )
        return isRight ? TunnelTag.optionByteCount : nil
    }
}
