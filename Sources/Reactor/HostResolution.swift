import CLinux
import Glibc
import Wire

/// A name that has no address.
public struct ResolutionError: Error, Equatable, Sendable, CustomStringConvertible {
    public let host: String
    /// The resolver's message: `Name or service not known`.
    public let reason: String

    /// `central.example: Name or service not known`.
    public var description: String { "\(host): \(reason)" }
}

/// The addresses of a host, in the order to try them (getaddrinfo). An address as text is its own answer.
///
/// This may wait for name servers: call it on a thread of its own and send the answer by a `Mailbox`.
public func resolve(host: String, port: UInt16) throws(ResolutionError) -> [SocketAddress] {
    if let address = IPAddress(host) { return [.ip(address, port: port)] }
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = CLINUX_SOCK_STREAM
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &first)
    guard code == 0 else { throw ResolutionError(host: host, reason: String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(first) }
    var addresses: [SocketAddress] = []
    var next = first
    while let entry = next {
        next = entry.pointee.ai_next
        guard let bytes = entry.pointee.ai_addr else { continue }
        var storage = sockaddr_storage()
        let length = min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: length))
        }
        if case .ip(let address, _)? = SocketAddress(&storage, length: socklen_t(length)) {
            addresses.append(.ip(address, port: port))
        }
    }
    return addresses
}
