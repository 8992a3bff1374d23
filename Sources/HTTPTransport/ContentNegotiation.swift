import ContentCoding
import HTTPCore
import HTTPTypes

/// Content codings of requests and answers (RFC 9110 sections 8.4 and 12.5.3): gzip and identity, both ways.
struct ContentNegotiation {
    /// Contents with fewer bytes are left as they are: they would gain little, and cost more than sending them.
    static let compressedByteCountMinimum = 1024
    /// Contents with more bytes are compressed slice by slice as the socket drains, in slices of this many bytes.
    static let sliceByteCount = 64 * 1024

    private let encoder = GzipEncoder()

    /// Takes the coding off the content of a request, and its name off the fields.
    /// - Parameter maximum: How many bytes the content may have.
    func decode(_ received: inout ReceivedRequest, maximum: (HTTPRequest) -> Int) throws(RequestError) {
        guard let coding = received.request.headerFields.value(of: .contentEncoding) else { return }
        var request = received.request
        request.headerFields[.contentEncoding] = nil
        var body = received.body
        switch coding.lowercased() {
        case "identity": break
        case "gzip", "x-gzip":
            do throws(GzipDecoder.Failure) {
                body = try GzipDecoder.decode(body, maximum: maximum(request))
            } catch {
                switch error {
                case .corrupt: throw .corruptContent
                case .tooLong(let maximum): throw .message(.bodyTooLong(maximum: maximum))
                case .bomb: throw .contentBomb
                }
            }
        default: throw .unsupportedContentCoding
        }
        received = ReceivedRequest(id: received.id, request: request, body: body)
    }

    /// An answer in the coding that its request wants most. Only contents of GET and HEAD are compressed: what answers
    /// a change may hold a secret beside what the client has sent, whose length would then tell of the secret (BREACH).
    func encode(
        _ answer: AnswerHead,
        _ body: HTTPBody,
        for request: HTTPRequest
    ) throws(RequestError) -> (AnswerHead, HTTPBody) {
        guard request.method == .get || request.method == .head else { return (answer, body) }
        if answer.status == .notModified { return (notModified(answer, for: request), body) }
        guard answer.status == .ok else { return (answer, body) }
        let accepted = request.headerFields.value(of: .acceptEncoding).map(AcceptEncoding.init)
        guard accepted != nil || Self.isWorthwhile(body) else { return (answer, body) }
        guard Self.isCompressible(answer) else { return (answer, body) }
        var answer = answer
        answer[.vary] = answer[.vary].map { $0 + ", Accept-Encoding" } ?? "Accept-Encoding"
        guard let accepted, accepted.prefersGzip && Self.isWorthwhile(body) || !accepted.allowsIdentity else {
            return (answer, body)
        }
        guard accepted.allowsGzip else { throw .noAcceptableCoding }
        guard let compressed = compress(body) else { return (answer, body) }
        answer.add(.contentEncoding, "gzip")
        answer[.eTag] = answer[.eTag].map(Self.gzipTag)
        return (answer, compressed)
    }

    /// The tag of the same state in gzip: `"R"` becomes `"R-gzip"`. Contents that differ have tags that differ.
    private static func gzipTag(_ tag: String) -> String {
        tag.hasSuffix("\"") ? tag.dropLast() + "-gzip\"" : tag
    }

    /// 304 names the tag that the client has, in the spelling that it sent.
    private func notModified(_ answer: AnswerHead, for request: HTTPRequest) -> AnswerHead {
        guard let tag = answer[.eTag].map(Self.gzipTag), request.headerFields[.ifNoneMatch]?.contains(tag) == true
        else { return answer }
        var answer = answer
        answer[.eTag] = tag
        answer[.vary] = "Accept-Encoding"
        return answer
    }

    private static func isWorthwhile(_ body: HTTPBody) -> Bool {
        switch body {
        case .none, .stream: false
        case .bytes(let bytes): bytes.count >= compressedByteCountMinimum
        case .slices: true
        }
    }

    private static func isCompressible(_ answer: AnswerHead) -> Bool {
        guard answer[.contentEncoding] == nil, let type = answer[.contentType] else { return false }
        if type.hasPrefix("text/") { return !type.hasPrefix("text/event-stream") }
        return type.hasPrefix("application/json") || type.hasPrefix("application/yaml")
    }

    private func compress(_ body: HTTPBody) -> HTTPBody? {
        switch body {
        case .none, .stream: return body
        case .bytes(let bytes) where bytes.count <= Self.sliceByteCount:
            return encoder.encode(bytes).map { .bytes($0) }
        case .bytes(let bytes):
            var rest = bytes[...]
            return encoder.encode {
                guard !rest.isEmpty else { return nil }
                defer { rest = rest.dropFirst(Self.sliceByteCount) }
                return Array(rest.prefix(Self.sliceByteCount))
            }.map { .slices($0) }
        case .slices(let next): return encoder.encode(next).map { .slices($0) }
        }
    }
}
