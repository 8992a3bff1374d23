import HTTPTypes

/// Writes requests (RFC 9112 section 3).
public enum RequestEncoder {
    /// The bytes of a request with its content.
    /// - Parameters:
    ///   - request: Its authority goes into Host; without one `authority` does.
    ///   - body: Its length is told by Content-Length.
    /// - Throws: ``MessageError/badTarget`` for a path that is none, ``MessageError/badHost`` for an authority.
    public static func encode(
        _ request: HTTPRequest,
        authority: String,
        body: [UInt8]
    ) throws(MessageError) -> [UInt8] {
        let path = Array((request.path ?? "/").utf8)
        let host = Array((request.authority ?? authority).utf8)
        guard path.first == UInt8(ascii: "/") else { throw .badTarget }
        try RequestTarget.checkPath(path.indices, in: path)
        try RequestTarget.checkAuthority(host.indices, in: host)
        var bytes = Array(request.method.rawValue.utf8)
        bytes.append(.space)
        bytes += path
        bytes += " HTTP/1.1\r\nHost: ".utf8
        bytes += host
        bytes += "\r\n".utf8
        for field in request.headerFields {
            if ["host", "content-length", "transfer-encoding"].contains(field.name.canonicalName) { continue }
            bytes += field.name.rawName.utf8
            bytes += ": ".utf8
            bytes += field.value.utf8
            bytes += "\r\n".utf8
        }
        let mayLackContent = [.get, .head, .delete, .options].contains(request.method)
        if !body.isEmpty || !mayLackContent { bytes += "Content-Length: \(body.count)\r\n".utf8 }
        bytes += "\r\n".utf8
        bytes += body
        return bytes
    }
}
