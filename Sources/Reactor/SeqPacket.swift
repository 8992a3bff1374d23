import CLinux
import Glibc

/// Unix sockets of type SOCK_SEQPACKET: a connection of whole messages, in order, with descriptors riding along.
///
/// All are non-blocking and close-on-exec. Listen with `listen`, accept with an `Acceptor`.
public enum SeqPacket {
    /// Descriptors one message may carry.
    public static let descriptorCountMaximum = Int(CLINUX_DESCRIPTORS_MAXIMUM)

    /// A message that was received: its length in the caller's buffer and the descriptors that came along, ours now.
    public struct Received: Sendable {
        /// Bytes of the message, more than none.
        public let count: Int
        /// The descriptors, close-on-exec, in the order they were sent.
        public let descriptors: [Descriptor]
    }

    /// A listening socket at `path`; what is left of an earlier one is removed: hold a `FileLock`.
    public static func listen(path: String, mode: UInt32 = 0o600) throws(SystemError) -> Descriptor {
        let socket = try Descriptor.bound(
            CLINUX_SOCK_SEQPACKET,
            to: .unix(path: path),
            sharesPort: false,
            mode: mode
        )
        try systemCall("listen \(path)") { clinux_listen(socket.raw, Descriptor.listenBacklog) }
        return socket
    }

    /// A socket connected to the listener at `path`, at once.
    /// - Throws: ENOENT, ECONNREFUSED when nobody listens there; EAGAIN when its backlog is full.
    public static func connect(path: String) throws(SystemError) -> Descriptor {
        let socket = try Descriptor.socket(AF_UNIX, CLINUX_SOCK_SEQPACKET)
        try SocketAddress.unix(path: path).withStorage { (storage, length) throws(SystemError) in
            _ = try systemCall("connect \(path)") { clinux_connect(socket.raw, storage, length) }
        }
        return socket
    }

    /// Two sockets connected to each other.
    public static func pair() throws(SystemError) -> (Descriptor, Descriptor) {
        var pair: [Int32] = [-1, -1]
        try systemCall("socketpair") { clinux_socket_pair(CLINUX_SOCK_SEQPACKET, &pair) }
        return (Descriptor(owning: pair[0]), Descriptor(owning: pair[1]))
    }

    /// Sends one message, whole or not at all.
    /// - Parameters:
    ///   - message: at least one byte: an empty one could not be told from the end.
    ///   - descriptors: up to `descriptorCountMaximum`; the receiver gets duplicates.
    /// - Returns: false when the socket's buffer is full: wait until it is writable.
    /// - Throws: EPIPE, ECONNRESET when the other side has gone; EMSGSIZE for more than the buffer can ever hold.
    public static func send(
        _ message: UnsafeRawBufferPointer,
        descriptors: [Descriptor] = [],
        over socket: Descriptor
    ) throws(SystemError) -> Bool {
        precondition(!message.isEmpty, "an empty message means the end")
        precondition(descriptors.count <= descriptorCountMaximum, "too many descriptors for one message")
        let numbers = descriptors.map(\.raw)
        let result = try systemIO("sendmsg") {
            clinux_send_with_descriptors(socket.raw, message.baseAddress, message.count, numbers, numbers.count)
        }
        withExtendedLifetime(descriptors) {}
        return result != .wouldBlock
    }

    /// As `send` of raw bytes, for an array.
    public static func send(
        _ message: [UInt8],
        descriptors: [Descriptor] = [],
        over socket: Descriptor
    ) throws(SystemError) -> Bool {
        try message.withUnsafeBufferPointer { bytes throws(SystemError) in
            try send(UnsafeRawBufferPointer(bytes), descriptors: descriptors, over: socket)
        }
    }

    /// Receives one message into `buffer`, which should hold the longest there may be.
    /// - Throws: EMSGSIZE for a message that is longer or carries too many descriptors, EMFILE for one with more of
    ///   them than this process may still have; it is dropped whole. ECONNRESET when the other side went away with
    ///   messages of ours unread.
    public static func receive(
        into buffer: UnsafeMutableRawBufferPointer,
        from socket: Descriptor
    ) throws(SystemError) -> IOResult<Received> {
        var numbers = [Int32](repeating: -1, count: descriptorCountMaximum)
        var descriptorCount = 0
        let result = try systemIO("recvmsg") {
            clinux_receive_with_descriptors(socket.raw, buffer.baseAddress, buffer.count, &numbers, &descriptorCount)
        }
        switch result {
        case .wouldBlock: return .wouldBlock
        case .endOfStream, .done(0): return .endOfStream
        case .done(let count):
            return .done(
                Received(count: count, descriptors: numbers[..<descriptorCount].map { Descriptor(owning: $0) })
            )
        }
    }
}
