import CLinux
import Datapath
import Glibc
import Wire

/// The budget of answers to probes of other hosts: an answer is no longer than its probe, and more than this many
/// nobody needs.
struct EchoBudget {
    /// Answers of a poller in one second: one to each of as many hosts, or some to each of fewer.
    static let echoCountPerSecond = 2000

    private var second: Int64 = -1
    private var count = 0

    init() {}

    /// True if one more may be answered.
    mutating func take(now: Duration) -> Bool {
        let current = now.components.seconds
        if current != second {
            second = current
            count = 0
        }
        count += 1
        return count <= Self.echoCountPerSecond
    }
}

/// The message that an answer to a probe is sent by.
struct ProbeEcho: ~Copyable {
    private let message: UnsafeMutablePointer<clinux_mmsghdr>
    private let part: UnsafeMutablePointer<iovec>

    init() {
        message = .allocate(capacity: 1)
        message.initialize(to: clinux_mmsghdr())
        part = .allocate(capacity: 1)
        part.initialize(to: iovec())
    }

    deinit {
        message.deallocate()
        part.deallocate()
    }

    /// The answer to the probe at `bytes`, which takes its place.
    /// - Parameter source: where the probe came from.
    /// - Returns: `nil` if no probe is there.
    func answer(
        _ bytes: UnsafeMutableRawPointer,
        byteCount: Int,
        to source: UnsafeMutablePointer<sockaddr_storage>,
        _ sourceByteCount: socklen_t
    ) -> UnsafeMutablePointer<clinux_mmsghdr>? {
        let octets = UnsafeBufferPointer(start: bytes.assumingMemoryBound(to: UInt8.self), count: byteCount)
        guard let probe = TunnelProbe(parsing: octets.span), !probe.isEcho, probe.payloadByteCount == byteCount
        else { return nil }
        bytes.storeBytes(of: TunnelProbe.echoType, toByteOffset: TunnelProbe.typeOffset, as: UInt8.self)
        part.pointee = iovec(iov_base: bytes, iov_len: TunnelProbe.byteCount)
        message.pointee.msg_hdr.msg_name = UnsafeMutableRawPointer(source)
        message.pointee.msg_hdr.msg_namelen = sourceByteCount
        message.pointee.msg_hdr.msg_iov = part
        message.pointee.msg_hdr.msg_iovlen = 1
        message.pointee.msg_hdr.msg_control = nil
        message.pointee.msg_hdr.msg_controllen = 0
        return message
    }
}

extension FrameSwitch {
    /// Answers a probe of another host that we share a datapath with; whether the datagram was one.
    mutating func answerProbe(
        _ bytes: UnsafeMutableRawPointer,
        byteCount: Int,
        from source: IPAddress,
        message number: Int,
        over socket: Int32,
        now: Duration,
        _ generation: UnsafePointer<Generation>
    ) -> Bool {
        guard socket >= 0, generation.pointee.tables.isTunnelEnd(source), echoBudget.take(now: now),
            let answer = echo.answer(
                bytes,
                byteCount: byteCount,
                to: receiving.sourceStorage(number),
                generation.pointee.addressByteCount
            )
        else { return false }
        // One that is lost is asked for again.
        return underlay.send(socket, answer, 1) == 1
    }
}
