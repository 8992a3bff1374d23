import Reactor
import Wire

/// The address of a server.
public enum HTTPEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A host name or address as text, an IPv6 address without brackets, and a port.
    case tcp(host: String, port: UInt16)
    /// The same under TLS.
    case tls(host: String, port: UInt16)
    /// A Unix socket's path.
    case unix(path: String)

    /// Reads `http://HOST[:PORT]` (port 80 unless given), `https://HOST[:PORT]` (443) or `unix:PATH`.
    /// - Throws: One sentence that says what to give instead.
    public init(url: String) throws(HTTPEndpointError) {
        if url.hasPrefix("unix:") {
            let path = url.dropFirst("unix:".count)
            self = .unix(path: String(path.hasPrefix("///") ? path.dropFirst(2) : path))
            guard path.hasPrefix("/") || path.hasPrefix("./") else { throw .notAnEndpoint(url) }
            return
        }
        let scheme = ["http://", "https://"].first { url.lowercased().hasPrefix($0) }
        guard let scheme else { throw .notAnEndpoint(url) }
        var authority = url.dropFirst(scheme.count)
        if authority.hasSuffix("/") { authority = authority.dropLast() }
        guard let endpoint = Self(authority: authority, isSecure: scheme == "https://") else {
            throw .notAnEndpoint(url)
        }
        self = endpoint
    }

    private init?(authority: Substring, isSecure: Bool) {
        let host: Substring
        let rest: Substring
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            guard IPv6Address(host) != nil else { return nil }
            rest = authority[authority.index(after: end)...]
        } else {
            let end = authority.firstIndex(of: ":") ?? authority.endIndex
            host = authority[..<end]
            let isName = host.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard !host.isEmpty, isName else { return nil }
            rest = authority[end...]
        }
        guard rest.isEmpty || rest.first == ":" else { return nil }
        let digits = rest.dropFirst()
        guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        guard let port = rest.isEmpty ? (isSecure ? 443 : 80) : UInt16(digits), port > 0 else { return nil }
        self = isSecure ? .tls(host: String(host), port: port) : .tcp(host: String(host), port: port)
    }

    /// The value of Host.
    public var authority: String {
        switch self {
        case .tcp(let host, let port), .tls(let host, let port):
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix: "localhost"
        }
    }

    /// `HOST:PORT` or the path.
    public var description: String {
        switch self {
        case .tcp, .tls: authority
        case .unix(let path): path
        }
    }
}

/// The reason why a text names no server.
public enum HTTPEndpointError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text has another form.
    case notAnEndpoint(String)

    /// One sentence with the remedy.
    public var description: String {
        switch self {
        case .notAnEndpoint(let text):
            "\"\(text)\" names no server: give http://HOST:PORT, https://HOST:PORT or unix:/PATH"
        }
    }
}
