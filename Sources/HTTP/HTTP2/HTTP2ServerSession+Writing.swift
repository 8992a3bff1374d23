import CNghttp2
import HTTPTypes

extension HTTP2ServerSession {
    /// The bytes to write next.
    public var output: ArraySlice<UInt8> { outputBuffer[outputStart...] }

    /// Fills the output with whole frames up to its bound, the answers in turn as their windows allow.
    public func prepareOutput(now: Duration, wallClock: Int64) {
        self.now = now
        guard phase == .open else { return }
        answerByteCountBound = nil
        if outputBuffer.isEmpty {
            outputBuffer.reserveCapacity(min(answers.count, Self.usualAnswerMaximum) * Self.usualAnswerByteCount)
        }
        submitAnswers(wallClock: wallClock)
        resumeAnswers()
        resumeMaker()
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

    /// The size of a small answer with its frames, in bytes, so that the buffer for those of one read is made once, and
    /// how many are reckoned with.
    private static let usualAnswerByteCount = 768
    private static let usualAnswerMaximum = 16

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

    /// True if one more frame may be put out.
    private var hasRoom: Bool { outputBuffer.count - outputStart < limits.outputByteCountMaximum }

    /// The server's side of a stream has ended. A client that goes on to send its request is told to stop (RFC 9113
    /// section 8.1), but not at once: some lose an answer that a reset follows on the heels.
    func didEndAnswer(_ id: Int32) {
        guard nghttp2_session_get_stream_remote_close(frames, id) == 0 else { return }
        streams[id]?.answerEnd = now
    }

    /// Tells a client to send no more of a request that is answered.
    func endRequest(_ stream: HTTP2Stream, _ id: Int32) {
        stream.answerEnd = nil
        nghttp2_submit_rst_stream(frames, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_NO_ERROR.rawValue)
    }

    /// A malformed request is answered, so that its author learns why, and then reset (RFC 9113 section 8.1.1).
    func resetIfMalformed(_ id: Int32) {
        guard let stream = streams[id], stream.isMalformed, case .none = stream.content else { return }
        nghttp2_submit_rst_stream(frames, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, NGHTTP2_PROTOCOL_ERROR.rawValue)
    }

    func submitContinue(_ id: Int32) {
        var fields = FieldList([(":status", "100")])
        fields.withEntries {
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

    /// There is nothing more of an answer that stays open; libnghttp2 does not ask for it until it is told.
    func deferAnswer(_ stream: HTTP2Stream, _ id: Int32) {
        stream.answerProgress = nil
        stream.takenByteCount = 0
        deferred.insert(id)
    }

    /// True if a stream may make its next slice now, if it has none left. One slice is made for each output, by the
    /// streams in turn: none keeps the thread from its other connections, nor the others from their turns.
    func mayMake(_ stream: HTTP2Stream, _ id: Int32) -> Bool {
        guard stream.content.needsSlice else { return true }
        let isItsTurn = maker.map { $0 == id } ?? (makers.isEmpty && !hasMade)
        if isItsTurn {
            maker = nil
            hasMade = true
            if stream.content.makeSlice() { return true }
        }
        if !makers.contains(id) { makers.append(id) }
        // A missing slice cannot be taken.
        stream.answerProgress = nil
        stream.takenByteCount = 0
        return false
    }

    private func resumeMaker() {
        hasMade = false
        maker = nil
        while maker == nil, !makers.isEmpty {
            let id = makers.removeFirst()
            guard let stream = streams[id] else { continue }
            maker = id
            stream.answerProgress = now
            nghttp2_session_resume_data(frames, id)
        }
    }

    private func resumeAnswers() {
        for id in deferred.sorted() {
            guard let stream = streams[id], case .stream(let open, _, _) = stream.content else {
                deferred.remove(id)
                continue
            }
            guard !open.isWaiting else { continue }
            deferred.remove(id)
            stream.answerProgress = now
            nghttp2_session_resume_data(frames, id)
        }
    }

    private func submitAnswers(wallClock: Int64) {
        for (id, head, body) in answers {
            guard let stream = streams[id] else { continue }
            submit(head, body, stream, id, wallClock: wallClock)
        }
        answers.removeAll(keepingCapacity: true)
    }

    private func submit(
        _ head: AnswerHead,
        _ body: HTTPBody,
        _ stream: HTTP2Stream,
        _ id: Int32,
        wallClock: Int64
    ) {
        var fields = FieldList(head, wallClock: wallClock)
        let code = head.status.code
        if code >= 200, code != 204, code != 304 {
            switch body {
            case .none: fields.append("content-length", "0")
            case .bytes(let bytes):
                fields.append("content-length", decimal: bytes.count)
                if !bytes.isEmpty { stream.content = .bytes(bytes, offset: 0) }
            case .shared(let pieces):
                fields.append("content-length", decimal: pieces.reduce(0) { $0 + $1.count })
                stream.content = .slices(HTTPBody.pieces(pieces), current: [], offset: 0)
            case .slices(let next): stream.content = .slices(next, current: [], offset: 0)
            case .stream(let open): stream.content = .stream(open, current: [], offset: 0)
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
    /// The range of each field in the text.
    private var places: [(name: Range<Int>, value: Range<Int>)] = []

    /// The size of the fields that are added to an answer's own, in bytes: status, length, date.
    private static let addedByteCount = 96
    private static let usualFieldCount = 12

    init(_ fields: [(String, String)]) {
        for (name, value) in fields { append(name, value) }
    }

    /// The fields of an answer, with a date.
    init(_ head: AnswerHead, wallClock: Int64) {
        text.reserveCapacity(head.lines.count + Self.addedByteCount)
        places.reserveCapacity(Self.usualFieldCount)
        text += head.lines
        append(":status", decimal: head.status.code)
        head.forEachField { name, value in
            for index in name { text[index] = text[index].lowercased }
            places.append((name, value))
        }
        guard !head.hasDate else { return }
        let start = text.count
        text += "date".utf8
        HTTPDate.append(wallClock, to: &text)
        places.append((start..<(start + 4), (start + 4)..<text.count))
    }

    mutating func append(_ name: String, _ value: String) {
        let start = text.count
        text += name.utf8
        let middle = text.count
        text += value.utf8
        places.append((start..<middle, middle..<text.count))
    }

    mutating func append(_ name: String, decimal value: Int) {
        let start = text.count
        text += name.utf8
        let middle = text.count
        text.append(decimal: UInt64(value))
        places.append((start..<middle, middle..<text.count))
    }

    /// Calls `body` with the list; its pointers are good within the call.
    mutating func withEntries(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Void) {
        text.withUnsafeMutableBufferPointer { [places] bytes in
            guard let base = bytes.baseAddress else { return }
            let entries = places.map { place in
                nghttp2_nv(
                    name: base + place.name.lowerBound,
                    value: base + place.value.lowerBound,
                    namelen: place.name.count,
                    valuelen: place.value.count,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                )
            }
            entries.withUnsafeBufferPointer(body)
        }
    }
}
