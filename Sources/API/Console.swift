import HTTP
import HTTPTypes
import NetworkModel

/// The console: a page and the files that it is made of, the same for everybody. All that it shows of a network it asks
/// the API for, as any other client.
public struct Console: Sendable {
    /// One file under `/console/`.
    public struct File: Sendable {
        /// The file's name, whose end tells its media type.
        public let name: String
        public let bytes: [UInt8]

        public init(name: String, bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// The page at `/`.
    static let page = "index.html"
    private let files: [String: Entry]

    private struct Entry {
        let type: String
        let bytes: [UInt8]
        /// The entity tag. Tags here are numbers everywhere; this one is of the bytes and not a revision.
        let tag: UInt64
    }

    /// - Parameter digest: A cryptographic hash, of which the entity tags are made.
    public init(files: [File], digest: ([[UInt8]]) -> [UInt8] = { _ in [] }) {
        var entries: [String: Entry] = [:]
        for file in files {
            let tag = digest([file.bytes]).prefix(Self.tagByteCount).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            entries[file.name] = Entry(type: Self.type(of: file.name), bytes: file.bytes, tag: tag)
        }
        self.files = entries
    }

    /// Bytes of a digest that make an entity tag: so few that the number stays below 2^63.
    private static let tagByteCount = 7

    /// The media type by the end of a file's name.
    private static func type(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }

    /// True if a request comes from a browser that wants to show a page: it names the type of pages. Programs that take
    /// anything get the same refusal at `/` as everywhere that nothing is served.
    static func isWanted(by request: HTTPRequest) -> Bool {
        (request.headerFields.value(of: .accept).map(Accept.init)?.named("text/html") ?? 0) > 0
    }

    /// Returns a file as an answer; `nil` if there is none of this name.
    fileprivate func reply(_ name: String, _ conditions: Conditions) throws(Problem) -> Reply? {
        guard let entry = files[name] else { return nil }
        var reply: Reply
        switch conditions.outcome(ofReading: entry.tag) {
        case .whole: reply = Reply(.ok, .bytes(entry.bytes), type: entry.type)
        case .notModified: reply = Reply(.notModified)
        case .failed: throw Problem(Refusal(.preconditionFailed, "The file is not the one that If-Match names."))
        }
        for (name, value) in Self.fields { reply.head.add(name, value) }
        return reply.tagged(entry.tag)
    }

    /// The fields that keep a browser from doing more for the page than the page needs: scripts, styles, pictures and
    /// requests from here alone, no text that becomes markup, no frames around it, and nobody told where it was.
    private static let fields: [(name: HTTPField.Name, value: String)] = [
        (
            .contentSecurityPolicy,
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
                + "base-uri 'none'; frame-ancestors 'none'; form-action 'none'; require-trusted-types-for 'script'; "
                + "trusted-types 'none'"
        ),
        (.contentTypeOptions, "nosniff"),
        (.known("Referrer-Policy"), "no-referrer"),
        (.known("Cross-Origin-Opener-Policy"), "same-origin"),
        (.known("Cross-Origin-Resource-Policy"), "same-origin"),
        (.known("X-Frame-Options"), "DENY"),
        // Kept, but asked for each time: after an upgrade no page is made of old and new files.
        (.cacheControl, "no-cache"),
    ]
}

extension API {
    /// The page of the console, for browsers.
    func consolePage(_ call: Call) throws(Problem) -> Reply {
        guard call.wantsPage, var reply = try console.reply(Console.page, call.conditions) else {
            throw Self.pathNotFound(call.path)
        }
        reply.head.add(.vary, "Accept")
        return reply
    }

    /// A file of the console.
    func consoleFile(_ call: Call) throws(Problem) -> Reply {
        guard let reply = try console.reply(call.variables["file"] ?? "", call.conditions) else {
            throw Self.pathNotFound(call.path)
        }
        return reply
    }
}

extension HTTPField.Name {
    fileprivate static let contentSecurityPolicy = known("Content-Security-Policy")
    fileprivate static let contentTypeOptions = known("X-Content-Type-Options")
}
