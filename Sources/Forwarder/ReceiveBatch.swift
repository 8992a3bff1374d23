import CLinux
import Glibc
import Wire

/// Where datagrams of the underlay are received: a message for each slot of the frame buffers.
struct ReceiveBatch: ~Copyable {
    let messages: UnsafeMutablePointer<clinux_mmsghdr>
    private let parts: UnsafeMutablePointer<iovec>
    private let sources: UnsafeMutablePointer<sockaddr_storage>

    /// Bytes of the Geneve header that nearly all datagrams have; it goes in front of where frames begin.
    static let usualHeaderByteCount = 16

    init(into buffers: borrowing FrameBuffers) {
        let count = FrameBuffers.slotCount
        messages = .allocate(capacity: count)
        messages.initialize(repeating: clinux_mmsghdr(), count: count)
        parts = .allocate(capacity: count)
        sources = .allocate(capacity: count)
        sources.initialize(repeating: sockaddr_storage(), count: count)
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
        }
    }

    deinit {
        messages.deallocate()
        parts.deallocate()
        sources.deallocate()
    }

    /// Before each receive: the kernel has put what it found in place of what there was room for.
    func reset() {
        for index in 0..<FrameBuffers.slotCount {
            messages[index].msg_hdr.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
        }
    }

    /// The bytes of a datagram.
    func datagram(_ index: Int) -> (bytes: UnsafeMutableRawPointer, byteCount: Int)? {
        guard let bytes = parts[index].iov_base else { return nil }
        return (bytes, Int(messages[index].msg_len))
    }

    /// The underlay address that a datagram came from.
    func source(_ index: Int) -> IPAddress {
        let source = sources + index
        guard Int32(source.pointee.ss_family) == AF_INET6 else { return .v4(IPv4Address(clinux_ipv4(source))) }
        var (high, low): (UInt64, UInt64) = (0, 0)
        clinux_ipv6(source, &high, &low)
        return .v6(IPv6Address(high: high, low: low))
    }
}
