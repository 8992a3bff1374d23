import CLinux
import Glibc

/// Reads frames from ports and writes them to ports. In a running forwarder a port is the ``DeviceHandle`` of a TAP's
/// queue, of a packet socket or of a guest's rings; tests have a twin in memory.
///
/// A frame goes with its virtio-net header of `OffloadHeader.byteCount` bytes in front of it. All calls answer a byte
/// count, or a negative errno: -EAGAIN if they would wait, -EINVAL if a frame came that is of no use and is gone.
protocol PortIO {
    /// Reads one frame, its header in front.
    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int
    /// Writes one frame that lies in parts, its header in front.
    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int
}

/// Sends and receives datagrams on the underlay, many at a time. In a running forwarder it is a UDP socket; tests have
/// a twin in memory.
protocol UnderlayIO {
    /// As recvmmsg(2), never waiting: how many messages have come, or a negative errno.
    func receive(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int
    /// As sendmmsg(2), never waiting: how many of the messages went, or the negative errno of the first.
    func send(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int
}

/// The number of a descriptor for frames, or of a pair of rings, and of which kind it is.
enum DeviceHandle {
    /// The bit that marks a packet socket, whose frames come with their VLAN tags beside them. No descriptor's number
    /// has it: /proc/sys/fs/nr_open is 2^20, and below 2^30 whatever it is set to.
    private static var packetSocket: Int32 { 1 << 30 }

    /// The bits for the descriptor of a packet socket: more than a process has of them with all ports of a host. Above
    /// them is the VLAN whose tag is taken from what comes and put before what goes; 0 for none.
    private static var descriptorBitCount: Int32 { 17 }

    /// The bit that marks a pair of rings, by its number in the ``RingTable``.
    private static var rings: Int32 { 1 << 29 }

    static func make(ofRings number: Int) -> Int32 { Int32(truncatingIfNeeded: number) | rings }

    /// - Returns: -1 for a descriptor that has no room beside the tag.
    static func make(of descriptor: Int32, tag: UInt16) -> Int32 {
        guard clinux_is_packet_socket(descriptor) else { return descriptor }
        guard descriptor &>> descriptorBitCount == 0 else { return -1 }
        return descriptor | Int32(tag) &<< descriptorBitCount | packetSocket
    }

    @inline(__always)
    static func isRings(_ handle: Int32) -> Bool { handle & rings != 0 }

    @inline(__always)
    static func isPacketSocket(_ handle: Int32) -> Bool { handle & packetSocket != 0 }

    @inline(__always)
    static func descriptor(_ handle: Int32) -> Int32 {
        isPacketSocket(handle) ? handle & (1 &<< descriptorBitCount &- 1) : handle
    }

    /// The VLAN of a packet socket that has the frames of one.
    @inline(__always)
    static func tag(_ handle: Int32) -> UInt16 {
        UInt16(truncatingIfNeeded: handle &>> descriptorBitCount & 0xfff)
    }

    /// The number of a pair of rings.
    @inline(__always)
    static func number(_ handle: Int32) -> Int { Int(handle & ~rings) }
}

/// The devices of a host: TAPs, others by packet sockets, and guests' rings.
struct DeviceIO: PortIO {
    let rings: RingTable

    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        if DeviceHandle.isRings(port) { return rings.read(DeviceHandle.number(port), bytes, capacity) }
        while true {
            let result =
                DeviceHandle.isPacketSocket(port)
                ? clinux_packet_read(DeviceHandle.descriptor(port), bytes, capacity, DeviceHandle.tag(port) == 0)
                : clinux_read(port, bytes, capacity)
            if result != -Int(EINTR) { return result }
        }
    }

    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        if DeviceHandle.isRings(port) { return rings.write(DeviceHandle.number(port), parts, count) }
        while true {
            let result =
                DeviceHandle.isPacketSocket(port)
                ? clinux_packet_write(
                    DeviceHandle.descriptor(port),
                    parts,
                    Int32(truncatingIfNeeded: count),
                    DeviceHandle.tag(port)
                ) : clinux_write_parts(port, parts, Int32(truncatingIfNeeded: count))
            if result != -Int(EINTR) { return result }
        }
    }
}

/// A UDP socket.
struct UDPIO: UnderlayIO {
    func receive(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        while true {
            let result = clinux_recvmmsg(socket, messages, UInt32(count), CLINUX_MSG_DONTWAIT)
            if result != -Int(EINTR) { return result }
        }
    }

    func send(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        while true {
            let result = clinux_sendmmsg(socket, messages, UInt32(count), CLINUX_MSG_DONTWAIT)
            if result != -Int(EINTR) { return result }
        }
    }
}
