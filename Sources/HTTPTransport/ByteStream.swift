import Reactor

/// Bytes to and from a peer: the place where TLS goes under HTTP.
protocol ByteStream: AnyObject {
    /// Reads up to `buffer.count` bytes.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> IOResult<Int>
    /// Writes bytes from `buffer`, maybe not all of them. A write that would block must be repeated from its beginning.
    func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> IOResult<Int>
    /// Says that nothing more will be written; reading goes on.
    func endWrites() throws(SystemError)
    /// True if the last read waits until the socket can be written.
    var readAwaitsWritable: Bool { get }
    /// True if the last read has left bytes that no event of the socket will tell of.
    var hasUnreadBytes: Bool { get }
}

final class SocketStream: ByteStream {
    private let socket: Descriptor
    let readAwaitsWritable = false
    let hasUnreadBytes = false

    init(_ socket: Descriptor) {
        self.socket = socket
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        try socket.read(into: buffer)
    }

    func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        try socket.send(buffer)
    }

    func endWrites() throws(SystemError) {
        try socket.shutdownWrites()
    }
}
