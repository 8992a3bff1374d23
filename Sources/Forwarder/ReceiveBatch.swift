import CLinux
import Datapath
import Glibc
import Wire

/// The buffers for datagrams of the underlay: a message for each slot of the frame buffers. A message is one
/// datagram, or, from a socket with UDP_GRO, a train of them.
struct ReceiveBatch: ~Copyable {
    /// Messages taken at once after many bytes have come at once: few buffers stay in the cache. Measured with four
    /// TCP streams.
    static let shortCount = 8
    /// Bytes of a batch after which the next one is a short one.
    static let longByteCount = 256 << 10

    let messages: UnsafeMutablePointer<clinux_mmsghdr>
    private let parts: UnsafeMutablePointer<iovec>
    private let sources: UnsafeMutablePointer<sockaddr_storage>
    private let controls: UnsafeMutableRawPointer
    private let buffers = FrameBuffers()

    /// Bytes of the Geneve header that nearly all datagrams have; it goes in front of where frames begin.
    static let usualHeaderByteCount = 16

    /// The datagrams of a message.
    struct Train {
        var bytes: UnsafeMutableRawPointer
        var byteCount: Int
        /// The size of each datagram but the last, more than 0.
        var datagramByteCount: Int
        var congestion: CongestionCode
    }

    init() {
        let count = FrameBuffers.slotCount
        messages = .allocate(capacity: count)
        messages.initialize(repeating: clinux_mmsghdr(), count: count)
        parts = .allocate(capacity: count)
        sources = .allocate(capacity: count)
        sources.initialize(repeating: sockaddr_storage(), count: count)
        controls = .allocate(byteCount: count * Int(CLINUX_CONTROL_SIZE), alignment: 64)
        for index in 0..<count {
            (parts + index).initialize(
                to: iovec(
                    iov_base: buffers.frame(index) - Self.usualHeaderByteCount,
                    iov_len: FrameBuffers.frameByteCountMaximum
                )
            )
            messages[index].msg_hdr.msg_name = UnsafeMutableRawPointer(sources + index)
            messages[index].msg_hdr.msg_iov = parts + index
            messages[index].msg_hdr.msg_iovlen = 1
            messages[index].msg_hdr.msg_control = controls + index * Int(CLINUX_CONTROL_SIZE)
        }
    }

    deinit {
        messages.deallocate()
        parts.deallocate()
        sources.deallocate()
        controls.deallocate()
    }

    /// Before each receive: the kernel has put what it found in place of what there was room for.
    func reset(_ count: Int) {
        for index in 0..<count {
            messages[index].msg_len = 0
            messages[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
            messages[index].msg_hdr.msg_controllen = Int(CLINUX_CONTROL_SIZE)
        }
    }

    /// The datagrams of a message.
    func train(_ index: Int) -> Train? {
        guard let bytes = parts[index].iov_base else { return nil }
        let byteCount = Int(messages[index].msg_len)
        var (segment, trafficClass): (Int32, Int32) = (0, 0)
        clinux_read_control(&messages[index].msg_hdr, &segment, &trafficClass)
        return Train(
            bytes: bytes,
            byteCount: byteCount,
            datagramByteCount: segment > 0 ? Int(segment) : max(byteCount, 1),
            congestion: CongestionCode(rawValue: UInt8(truncatingIfNeeded: trafficClass))
        )
    }

    /// True if two messages came from the same address and port.
    func isFromSame(_ index: Int, _ other: Int) -> Bool {
        let (one, two) = (UnsafeRawPointer(sources + index), UnsafeRawPointer(sources + other))
        func isEqual(_ offset: Int) -> Bool {
            one.load(fromByteOffset: offset, as: UInt64.self) == two.load(fromByteOffset: offset, as: UInt64.self)
        }
        // Family, port and, of IPv4, the address; of IPv6 the address lies in the next three words.
        guard isEqual(0) else { return false }
        return Int32(sources[index].ss_family) == AF_INET || isEqual(8) && isEqual(16) && isEqual(24)
    }

    /// The address and port that a message came from, as the kernel has written them.
    func sourceStorage(_ index: Int) -> UnsafeMutablePointer<sockaddr_storage> { sources + index }

    /// The underlay address that a message came from.
    func source(_ index: Int) -> IPAddress {
        let source = sources + index
        guard Int32(source.pointee.ss_family) == AF_INET6 else { return .v4(IPv4Address(clinux_ipv4(source))) }
        var (high, low): (UInt64, UInt64) = (0, 0)
        clinux_ipv6(source, &high, &low)
        return .v6(IPv6Address(high: high, low: low))
    }
}
