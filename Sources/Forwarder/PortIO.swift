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

    /// The bit that marks a pair of rings, by its number in the ``RingTable``.
    private static var rings: Int32 { 1 << 29 }

    static func make(ofRings number: Int) -> Int32 { Int32(truncatingIfNeeded: number) | rings }

    static func make(of descriptor: Int32) -> Int32 {
        clinux_is_packet_socket(descriptor) ? descriptor | packetSocket : descriptor
    }

    @inline(__always)
    static func isRings(_ handle: Int32) -> Bool { handle & rings != 0 }

    @inline(__always)
    static func isPacketSocket(_ handle: Int32) -> Bool { handle & packetSocket != 0 }

    @inline(__always)
    static func descriptor(_ handle: Int32) -> Int32 { handle & ~(packetSocket | rings) }

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
                ? clinux_packet_read(DeviceHandle.descriptor(port), bytes, capacity)
                : clinux_read(port, bytes, capacity)
            if result != -Int(EINTR) { return result }
        }
    }

    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        if DeviceHandle.isRings(port) { return rings.write(DeviceHandle.number(port), parts, count) }
        while true {
            let result = clinux_write_parts(DeviceHandle.descriptor(port), parts, Int32(truncatingIfNeeded: count))
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
