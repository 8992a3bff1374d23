import CLinux
import Glibc
import Wire

public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IP address and a port (0: any free one, when binding).
    case ip(IPAddress, port: UInt16)
    /// A Unix socket's path, up to 107 bytes; empty for a socket without a name, as clients are.
    case unix(path: String)

    /// `ADDRESS:PORT`, `[ADDRESS]:PORT` for IPv6; anything else is `nil`.
    public init?(parsing text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else { return nil }
        let host = text[..<colon]
        if host.first == "[", host.last == "]" {
            guard let address = IPv6Address(host.dropFirst().dropLast()) else { return nil }
            self = .ip(.v6(address), port: port)
        } else {
            guard let address = IPv4Address(host) else { return nil }
            self = .ip(.v4(address), port: port)
        }
    }

    /// True if only this machine can be there: 127.0.0.0/8, ::1 or a Unix socket.
    public var isLoopback: Bool {
        switch self {
        case .ip(let address, _): address.isLoopback
        case .unix: true
        }
    }

    /// The port; `nil` for a Unix socket.
    public var port: UInt16? {
        switch self {
        case .ip(_, let port): port
        case .unix: nil
        }
    }

    /// `ADDRESS:PORT`, `[ADDRESS]:PORT`, the path, or "a local user" for the client of a Unix socket.
    public var description: String {
        switch self {
        case .ip(.v4(let address), let port): "\(address):\(port)"
        case .ip(.v6(let address), let port): "[\(address)]:\(port)"
        case .unix(let path): path.isEmpty ? "a local user" : path
        }
    }
}

extension SocketAddress {
    /// The address family: AF_INET, AF_INET6, AF_UNIX.
    public var family: Int32 {
        switch self {
        case .ip(.v4, _): AF_INET
        case .ip(.v6, _): AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with the kernel's form of the address.
    /// - Throws: ENAMETOOLONG for a path of more than 107 bytes; what `body` throws.
    public func withStorage<Value>(
        _ body: (UnsafePointer<sockaddr_storage>, socklen_t) throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        var storage = sockaddr_storage()
        let length: socklen_t
        switch self {
        case .ip(.v4(let address), let port): length = clinux_make_ipv4(&storage, address.rawValue, port)
        case .ip(.v6(let address), let port): length = clinux_make_ipv6(&storage, address.high, address.low, port)
        case .unix(let path):
            length = clinux_make_unix(&storage, path, path.utf8.count)
            guard length > 0 else { throw SystemError(call: "socket path \(path)", errno: ENAMETOOLONG) }
        }
        return try body(&storage, length)
    }

    /// The address in the kernel's form, of which `length` bytes are valid; `nil` for another family.
    public init?(_ storage: inout sockaddr_storage, length: socklen_t) {
        switch Int32(storage.ss_family) {
        case AF_INET where length >= socklen_t(MemoryLayout<sockaddr_in>.size):
            self = .ip(.v4(IPv4Address(clinux_ipv4(&storage))), port: clinux_port(&storage))
        case AF_INET6 where length >= socklen_t(MemoryLayout<sockaddr_in6>.size):
            var (high, low): (UInt64, UInt64) = (0, 0)
            clinux_ipv6(&storage, &high, &low)
            self = .ip(.v6(IPv6Address(high: high, low: low)), port: clinux_port(&storage))
        case AF_UNIX:
            var path = [CChar](repeating: 0, count: 108)
            let count = clinux_unix_path(&storage, length, &path)
            self = .unix(path: String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
        default:
            return nil
        }
    }
}
