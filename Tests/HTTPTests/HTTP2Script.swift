import CNghttp2
import HTTP
import HTTPTypes

/// Plays a client to one HTTP/2 session and keeps what comes out of it.
final class HTTP2Script {
    let session: HTTP2ServerSession
    var now: Duration = .zero
    /// Answers requests at once; `nil` leaves them parked.
    var handler: (ReceivedRequest) -> (HTTPResponse, HTTPBody)? = { _ in (HTTPResponse(status: .ok), .none) }
    private(set) var requests: [ReceivedRequest] = []
    private(set) var abandoned: [RequestID] = []
    /// The frames that came back, one a line; the bytes of bodies apart, by stream.
    private(set) var frames: [String] = []
    private(set) var bodies: [UInt32: [UInt8]] = [:]
    private var unread: [UInt8] = []
    private var inflater: OpaquePointer?
    /// True if output is taken.
    var takesOutput = true

    init(
        limits: HTTPLimits = HTTPLimits(),
        bodyLimit: Int = 1 << 20,
        settings: [(UInt16, UInt32)]? = [],
        judge: ((HTTPRequest, Bool) -> HeadVerdict)? = nil
    ) {
        session = HTTP2ServerSession(
            limits: limits,
            now: .zero,
            judge: { judge?($0, $1) ?? .content(byteCountMaximum: bodyLimit) },
            problem: { error in (AnswerHead(error.status), Array(error.code.utf8)) }
        )
        nghttp2_hd_inflate_new(&inflater)
        guard let settings else { return }
        feed(Frame.preface + Frame.settings(settings))
        feed(Frame.frame(.settings, flags: Frame.acknowledgement, stream: 0))
        frames = []
    }

    deinit {
        nghttp2_hd_inflate_del(inflater)
    }

    /// Returns the frames that came back since the last call.
    func takeFrames() -> [String] {
        defer { frames = [] }
        return frames
    }

    /// The status of each answer, by stream.
    var statuses: [String] {
        frames.compactMap { line in
            guard line.hasPrefix("HEADERS "), let status = line.firstRange(of: ":status=") else { return nil }
            return String(line.dropFirst(8).prefix { $0 != " " } + ":" + line[status.upperBound...].prefix(3))
        }
    }

    func feed(_ bytes: [UInt8]) {
        session.receive(bytes[...], now: now)
        pump()
    }

    /// Hands out requests and takes output until neither is left.
    func pump() {
        var hasProgressed = true
        while hasProgressed {
            hasProgressed = false
            while let id = session.nextAbandoned() { abandoned.append(id) }
            while let request = session.nextRequest(now: now) {
                hasProgressed = true
                requests.append(request)
                if let (response, body) = handler(request) { session.respond(to: request.id, response, body: body) }
            }
            session.prepareOutput(now: now, wallClock: 784_111_777)
            while takesOutput, !session.output.isEmpty || session.makesMore {
                hasProgressed = true
                unread += session.output
                session.didWrite(session.output.count, now: now)
                session.prepareOutput(now: now, wallClock: 784_111_777)
            }
        }
        readFrames()
    }

    func respond(to id: RequestID, _ status: HTTPResponse.Status = .ok, _ body: HTTPBody = .none) {
        session.respond(to: id, HTTPResponse(status: status), body: body)
        pump()
    }

    func wait(until time: Duration) {
        now = time
        session.expire(now: now)
        pump()
    }

    private func readFrames() {
        while unread.count >= 9 {
            let count = Int(unread[0]) << 16 | Int(unread[1]) << 8 | Int(unread[2])
            guard unread.count >= 9 + count else { return }
            frames.append(line(unread[3], unread[4], number(unread[5...]), Array(unread[9..<(9 + count)])))
            unread.removeFirst(9 + count)
        }
    }

    private func line(_ kind: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> String {
        let end = flags & Frame.endStream != 0 ? " end" : ""
        switch Frame.Kind(rawValue: kind) {
        case .data:
            bodies[stream, default: []] += payload
            return "DATA \(stream) \(payload.count)\(end)"
        case .headers: return "HEADERS \(stream) \(inflate(payload))\(end)"
        case .resetStream: return "RST_STREAM \(stream) \(reason(payload[...]))"
        case .settings:
            return flags & Frame.acknowledgement != 0 ? "SETTINGS ack" : "SETTINGS \(payload.count / 6)"
        case .ping:
            let text = String(decoding: payload, as: UTF8.self)
            return "PING \(text)" + (flags & Frame.acknowledgement != 0 ? " ack" : "")
        case .goAway: return "GOAWAY \(number(payload[...])) \(reason(payload[4...]))"
        case .windowUpdate: return "WINDOW_UPDATE \(stream) \(number(payload[...]))"
        default: return "frame of type \(kind)"
        }
    }

    private func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func reason(_ bytes: ArraySlice<UInt8>) -> String {
        String(cString: nghttp2_http2_strerror(number(bytes)))
    }

    private func inflate(_ block: [UInt8]) -> String {
        var rest = block
        var fields: [String] = []
        while true {
            var field = nghttp2_nv()
            var flags: Int32 = 0
            let count = nghttp2_hd_inflate_hd2(inflater, &field, &flags, rest, rest.count, 1)
            guard count >= 0 else { return "undecodable" }
            rest.removeFirst(count)
            if flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
                let name = String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
                let value = UnsafeBufferPointer(start: field.value, count: field.valuelen)
                if name != "date" { fields.append(name + "=" + String(decoding: value, as: UTF8.self)) }
            }
            if flags & Int32(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 {
                nghttp2_hd_inflate_end_headers(inflater)
                return fields.joined(separator: " ")
            }
        }
    }
}
