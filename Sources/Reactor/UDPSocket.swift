import CLinux
import Glibc

/// A UDP socket, non-blocking.
///
/// The packet path takes its descriptor and reads and writes by recvmmsg and sendmmsg; `send` and `receive` are for
/// what comes one by one.
public struct UDPSocket: Sendable {
    public let descriptor: Descriptor

    /// A socket bound to `address`.
    /// - Parameters:
    ///   - sharesPort: lets several sockets be bound there, each with its share of the flows (SO_REUSEPORT).
    ///   - bufferByteCount: asked for in both directions, beyond net.core.rmem_max if we may; `nil` leaves them.
    public init(
        boundTo address: SocketAddress,
        sharesPort: Bool = false,
        bufferByteCount: Int32? = nil
    ) throws(SystemError) {
        descriptor = try .bound(CLINUX_SOCK_DGRAM, to: address, sharesPort: sharesPort)
        guard let bufferByteCount else { return }
        for (forced, asked) in [(SO_RCVBUFFORCE, SO_RCVBUF), (SO_SNDBUFFORCE, SO_SNDBUF)] {
            do throws(SystemError) {
                try descriptor.setOption(SOL_SOCKET, forced, bufferByteCount)
            } catch  where error.errno == EPERM {
                try descriptor.setOption(SOL_SOCKET, asked, bufferByteCount)
            }
        }
    }

    /// Sends one datagram.
    /// - Throws: errors of earlier datagrams too, as ECONNREFUSED.
    public func send(
        _ datagram: UnsafeRawBufferPointer,
        to address: SocketAddress
    ) throws(SystemError) -> IOResult<Int> {
        try address.withStorage { (storage, length) throws(SystemError) in
            try systemIO("sendto \(address)") {
                clinux_send_to(descriptor.raw, datagram.baseAddress, datagram.count, storage, length)
            }
        }
    }

    /// Receives one datagram and where it came from. A count above `buffer.count` says how long it was before it was
    /// cut to fit.
    public func receive(
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> IOResult<(count: Int, from: SocketAddress)> {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = try systemIO("recvfrom") {
            clinux_receive_from(descriptor.raw, buffer.baseAddress, buffer.count, &storage, &length)
        }
        switch result {
        case .wouldBlock: return .wouldBlock
        case .endOfStream: return .endOfStream
        case .done(let count):
            guard let address = SocketAddress(&storage, length: length) else {
                throw SystemError(call: "recvfrom", errno: EAFNOSUPPORT)
            }
            return .done((count, address))
        }
    }
}
