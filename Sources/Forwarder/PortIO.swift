import CLinux
import Glibc

/// Reads frames from ports and writes them to ports. In a running forwarder a port is the descriptor of a TAP; tests
/// have a twin in memory.
///
/// A frame goes with its virtio-net header of `OffloadHeader.byteCount` bytes in front of it. All calls answer a byte
/// count, or a negative errno; -EAGAIN if they would wait.
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

/// TAP devices.
struct TAPIO: PortIO {
    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        while true {
            let result = clinux_read(port, bytes, capacity)
            if result != -Int(EINTR) { return result }
        }
    }

    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        while true {
            let result = clinux_write_parts(port, parts, Int32(truncatingIfNeeded: count))
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
