import CNghttp2
import HTTPCore
import HTTPTypes

extension HTTP2ServerSession {
    /// What is to be written next.
    public var output: ArraySlice<UInt8> { outputBuffer[outputStart...] }

    /// Fills the output with whole frames up to its bound, the answers in turn as their windows allow.
    public func prepareOutput(now: Duration, wallClock: Int64) {
        self.now = now
        guard phase == .open else { return }
        submitAnswers(wallClock: wallClock)
        if outputStart > outputBuffer.count - outputStart {
            outputBuffer.removeSubrange(..<outputStart)
            outputStart = 0
        }
        while hasRoom {
            var bytes: UnsafePointer<UInt8>?
            let count = nghttp2_session_mem_send(frames, &bytes)
            guard count > 0 else {
                if count < 0 { phase = .closed }
                break
            }
            outputBuffer += UnsafeBufferPointer(start: bytes, count: count)
        }
        if outputStart == outputBuffer.count {
            writeProgress = nil
        } else if writeProgress == nil {
            writeProgress = now
        }
        finishIfDone(now: now)
    }

    /// Takes note that the first `count` bytes of the output have been written.
    public func didWrite(_ count: Int, now: Duration) {
        self.now = now
        outputStart = min(outputStart + count, outputBuffer.count)
        if outputStart == outputBuffer.count {
            outputBuffer.removeAll(keepingCapacity: outputBuffer.capacity <= Self.keptCapacityMaximum)
            outputStart = 0
            writeProgress = nil
            takenByteCount = 0
        } else {
            takenByteCount += count
            if takenByteCount >= limits.writtenByteCountMinimum {
                writeProgress = now
                takenByteCount = 0
            }
        }
        finishIfDone(now: now)
    }

    /// Ends the connection when it has said everything that it will.
    func finishIfDone(now: Duration) {
        guard phase == .open, outputStart == outputBuffer.count, answers.isEmpty else { return }
        if inputEnded != nil {
            if streams.isEmpty { phase = .closed }
        } else if nghttp2_session_want_read(frames) == 0, nghttp2_session_want_write(frames) == 0 {
            phase = .lingering
            lingeringSince = now
        }
    }

    /// Appends a DATA frame: its header, and the bytes that the answer has for it. A full output is asked again later.
    func appendData(_ header: UnsafeBufferPointer<UInt8>, _ count: Int, _ id: Int32) -> nghttp2_error {
        guard let stream = streams[id] else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE }
        guard hasRoom else { return NGHTTP2_ERR_WOULDBLOCK }
        outputBuffer += header
        stream.content.move(count, to: &outputBuffer)
        stream.takenByteCount += count
        if stream.takenByteCount >= limits.writtenByteCountMinimum {
            stream.answerProgress = now
            stream.takenByteCount = 0
        }
        return nghttp2_error(rawValue: 0)
    }

    /// Whether one more frame may be put out.
    private var hasRoom: Bool { outputBuffer.count - outputStart < limits.outputByteCountMaximum }

    /// The server's side of a stream has ended. A client that still sends its request is told to stop
    /// (RFC 9113 section 8.1).
    func didEndAnswer(_ id: Int32) {
        guard nghttp2_session_get_stream_remote_close(frames, id) == 0 else { return }
        nghttp2_submit_rst_stream(frames, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_NO_ERROR.rawValue)
    }

    func submitContinue(_ id: Int32) {
        FieldList([(":status", "100")]).withEntries {
            _ = nghttp2_submit_headers(
                frames,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                id,
                nil,
                $0.baseAddress,
                $0.count,
                nil
            )
        }
    }

    private func submitAnswers(wallClock: Int64) {
        for (id, response, body) in answers {
            guard let stream = streams[id] else { continue }
            submit(response, body, stream, id, wallClock: wallClock)
        }
        answers.removeAll(keepingCapacity: true)
    }

    private func submit(
        _ response: HTTPResponse,
        _ body: HTTPBody,
        _ stream: HTTP2Stream,
        _ id: Int32,
        wallClock: Int64
    ) {
        var fields = FieldList(response, wallClock: wallClock)
        let code = response.status.code
        if code >= 200, code != 204, code != 304 {
            switch body {
            case .none: fields.append("content-length", "0")
            case .bytes(let bytes):
                fields.append("content-length", String(bytes.count))
                if !bytes.isEmpty { stream.content = .bytes(bytes, offset: 0) }
            case .slices(let next): stream.content = .slices(next, current: [], offset: 0)
            }
        }
        if stream.head.isHEAD { stream.content = .none }
        stream.answerProgress = now
        var source = nghttp2_data_provider(source: nghttp2_data_source(fd: 0), read_callback: Self.readContent)
        fields.withEntries {
            if case .none = stream.content {
                _ = nghttp2_submit_response(frames, id, $0.baseAddress, $0.count, nil)
            } else {
                _ = nghttp2_submit_response(frames, id, $0.baseAddress, $0.count, &source)
            }
        }
    }

    /// Bytes of buffer that a connection keeps while it waits, so that parked ones stay small.
    static let keptCapacityMaximum = 4096
}

/// The fields of an answer in one buffer, as libnghttp2 wants them.
struct FieldList {
    private var text: [UInt8] = []
    private var lengths: [(name: Int, value: Int)] = []

    init(_ fields: [(String, String)]) {
        for (name, value) in fields { append(name, value) }
    }

    /// The fields of a response, without those that concern an HTTP/1.1 connection, and with a date.
    init(_ response: HTTPResponse, wallClock: Int64) {
        append(":status", String(response.status.code))
        var hasDate = false
        for field in response.headerFields {
            switch field.name {
            case .contentLength, .transferEncoding, .connection: continue
            case .date: hasDate = true
            default: break
            }
            append(field.name.canonicalName, field.value)
        }
        guard !hasDate else { return }
        var date: [UInt8] = []
        HTTPDate.append(wallClock, to: &date)
        text += "date".utf8
        text += date
        lengths.append((4, date.count))
    }

    mutating func append(_ name: String, _ value: String) {
        text += name.utf8
        text += value.utf8
        lengths.append((name.utf8.count, value.utf8.count))
    }

    /// Calls `body` with the list; its pointers are good within the call.
    func withEntries(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
        var text = text
        text.withUnsafeMutableBufferPointer { bytes in
            guard var next = bytes.baseAddress else { return }
            let entries = lengths.map { length in
                defer { next += length.name + length.value }
                return nghttp2_nv(
                    name: next,
                    value: next + length.name,
                    namelen: length.name,
                    valuelen: length.value,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                )
            }
            entries.withUnsafeBufferPointer(body)
        }
    }
}
