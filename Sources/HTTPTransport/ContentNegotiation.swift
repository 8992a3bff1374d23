import HTTP
import HTTPTypes

/// Content codings of requests and answers (RFC 9110 sections 8.4 and 12.5.3): gzip and identity, both ways.
struct ContentNegotiation {
    /// Contents with fewer bytes are not compressed: they would gain little, and cost more than sending them.
    static let compressedByteCountMinimum = 1024
    /// Contents with more bytes are compressed slice by slice as the socket drains, in slices of this many bytes.
    static let sliceByteCount = 64 * 1024

    private let encoder = GzipEncoder()

    /// The coding that a request's content has; `nil` for none.
    /// - Throws: if the coding is unknown, which the head alone tells.
    static func coding(of request: HTTPRequest) throws(RequestError) -> Coding? {
        guard let coding = request.headerFields.value(of: .contentEncoding) else { return nil }
        switch coding.lowercased() {
        case "identity": return .identity
        case "gzip", "x-gzip": return .gzip
        default: throw .unsupportedContentCoding
        }
    }

    /// The codings of requests' contents.
    enum Coding { case identity, gzip }

    /// Decodes the content of a request piece by piece, and removes the coding's name from the fields.
    struct Decoding {
        private let id: RequestID
        private var request: HTTPRequest
        private let inflation: GzipInflation

        /// - Parameter maximum: The most bytes that the content may have.
        init(_ received: ReceivedRequest, maximum: Int) throws(RequestError) {
            id = received.id
            request = received.request
            request.headerFields[.contentEncoding] = nil
            do throws(GzipDecoder.Failure) {
                inflation = try GzipInflation(received.body, maximum: maximum)
            } catch {
                throw RequestError(error)
            }
        }

        var heldByteCount: Int { inflation.heldByteCount }

        /// The request without the content that it cannot have.
        var refused: ReceivedRequest { ReceivedRequest(id: id, request: request, body: []) }

        /// Does a piece of the work.
        /// - Returns: the request, once all of its content is there.
        func advance() throws(RequestError) -> ReceivedRequest? {
            do throws(GzipDecoder.Failure) {
                return try inflation.advance().map { ReceivedRequest(id: id, request: request, body: $0) }
            } catch {
                throw RequestError(error)
            }
        }
    }

    /// Encodes an answer in the coding that its request prefers. Only contents of GET and HEAD are compressed: an
    /// answer to a change may hold a secret beside the client's own bytes, and its compressed length would tell of the
    /// secret (BREACH).
    func encode(
        _ answer: AnswerHead,
        _ body: HTTPBody,
        for request: HTTPRequest
    ) throws(RequestError) -> (AnswerHead, HTTPBody) {
        guard request.method == .get || request.method == .head else { return (answer, body) }
        if answer.status == .notModified { return (notModified(answer, for: request), body) }
        guard answer.status == .ok else { return (answer, body) }
        let accepted = request.headerFields.value(of: .acceptEncoding).map(AcceptEncoding.init)
        guard Self.isCompressible(answer) else { return (answer, body) }
        let answer = varied(answer)
        guard let accepted, accepted.prefersGzip && Self.isWorthwhile(body) || !accepted.allowsIdentity else {
            return (answer, body)
        }
        guard accepted.allowsGzip else { throw .noAcceptableCoding }
        guard let compressed = compress(body) else { return (answer, body) }
        var coded = answer
        coded.add(.contentEncoding, "gzip")
        coded[.eTag] = answer[.eTag].map(Self.gzipTag)
        return (coded, compressed)
    }

    /// The tag of the same state in gzip: `"R"` becomes `"R-gzip"`. Contents that differ have tags that differ.
    private static func gzipTag(_ tag: String) -> String {
        tag.hasSuffix("\"") ? tag.dropLast() + "-gzip\"" : tag
    }

    /// 304 has the fields that its 200 would have (RFC 9110 section 15.4.5), and names the tag that the client has, in
    /// the spelling that it sent.
    private func notModified(_ answer: AnswerHead, for request: HTTPRequest) -> AnswerHead {
        var answer = varied(answer)
        if let tag = answer[.eTag].map(Self.gzipTag), request.headerFields[.ifNoneMatch]?.contains(tag) == true {
            answer[.eTag] = tag
        }
        return answer
    }

    /// Marks an answer as one of several representations: it could be coded otherwise.
    private func varied(_ answer: AnswerHead) -> AnswerHead {
        var answer = answer
        if let others = answer[.vary] {
            answer[.vary] = others + ", Accept-Encoding"
        } else {
            answer.add(.vary, "Accept-Encoding")
        }
        return answer
    }

    private static func isWorthwhile(_ body: HTTPBody) -> Bool {
        switch body {
        case .none, .stream: false
        case .bytes(let bytes): bytes.count >= compressedByteCountMinimum
        case .shared(let pieces): pieces.contains { $0.count >= compressedByteCountMinimum }
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
        case .shared(let pieces):
            let next = HTTPBody.pieces(pieces)
            var rest: ArraySlice<UInt8> = []
            return encoder.encode {
                while rest.isEmpty {
                    guard let piece = next() else { return nil }
                    rest = piece[...]
                }
                defer { rest = rest.dropFirst(Self.sliceByteCount) }
                return Array(rest.prefix(Self.sliceByteCount))
            }.map { .slices($0) }
        case .slices(let next): return encoder.encode(next).map { .slices($0) }
        }
    }
}

extension RequestError {
    /// The reason why a content was not taken out of gzip.
    fileprivate init(_ failure: GzipDecoder.Failure) {
        switch failure {
        case .corrupt: self = .corruptContent
        case .tooLong(let maximum): self = .message(.bodyTooLong(maximum: maximum))
        case .bomb: self = .contentBomb
        }
    }
}
