import Glibc
import Reactor
import Synchronization

/// A server that answers each connection's first request with the next of some bytes and closes it.
final class CannedServer: Sendable {
    /// The URL at which it listens.
    let url: String
    private let listener: Int32
    private let received = Mutex<[String]>([])

    /// Serves as many connections as there are answers; `nil` closes one without a byte.
    init(_ answers: [String?]) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard isListening else { throw SystemError(call: "listen", errno: errno) }
        self.listener = listener
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        startThread(named: "canned") { [self] in
            for answer in answers { serve(answer) }
        }
    }

    deinit {
        close(listener)
    }

    /// The requests so far, whole.
    var requests: [String] { received.withLock { $0 } }

    private func serve(_ answer: String?) {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        defer { close(connection) }
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !Self.isWhole(text) {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        received.withLock { $0.append(text) }
        if let answer { _ = send(connection, answer, answer.utf8.count, Int32(MSG_NOSIGNAL)) }
    }

    private static func isWhole(_ text: String) -> Bool {
        guard let headEnd = text.firstRange(of: "\r\n\r\n") else { return false }
        let head = text[..<headEnd.lowerBound].lowercased()
        let field = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        let length = field.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        return text[headEnd.upperBound...].utf8.count >= length
    }
}
