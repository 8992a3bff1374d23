import CNghttp2
import HTTPTypes

extension HTTP2ServerSession {
    /// Takes bytes that the client has sent.
    public func receive(_ bytes: ArraySlice<UInt8>, now: Duration) {
        self.now = now
        guard phase == .open, !isTerminated else {
            droppedByteCount += bytes.count
            if droppedByteCount > limits.lingeringByteCountMaximum { phase = .closed }
            return
        }
        bytes.withUnsafeBufferPointer { bytes in
            // A frame is judged after all frames before it.
            var (taken, position) = (0, 0)
            while !isTerminated, taken < bytes.count {
                let finding = scanner.next(in: bytes, at: &position)
                take(UnsafeBufferPointer(rebasing: bytes[taken..<position]))
                taken = position
                if !isTerminated, let finding { judge(finding) }
            }
        }
    }

    private func take(_ bytes: UnsafeBufferPointer<UInt8>) {
        let result = nghttp2_session_mem_recv(frames, bytes.baseAddress, bytes.count)
        guard result < 0 else { return }
        // libnghttp2 has given up on the client: a flood, too many CONTINUATIONs, no SETTINGS first.
        let isViolation =
            result == Int(NGHTTP2_ERR_PROTO.rawValue) || result == Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue)
        if isViolation { terminate(NGHTTP2_PROTOCOL_ERROR) } else { endFlood() }
    }

    private func judge(_ finding: FrameScanner.Finding) {
        switch finding {
        case .data(let stream): checkOpen(stream)
        // RFC 7540 section 5.3.1. A client that heeds RFC 9113 sends no priorities at all here.
        case .priority(let stream, let dependency) where stream == dependency: terminate(NGHTTP2_PROTOCOL_ERROR)
        case .priority: break
        }
    }

    /// The client sends nothing more. What it has not sent whole is dropped; answers under way are still written.
    public func receiveEnd(now: Duration) {
        self.now = now
        guard inputEnded == nil else { return }
        inputEnded = now
        if phase == .lingering { phase = .closed }
        for (id, stream) in streams where !stream.isHandedOut && !ready.contains(id) { streams[id] = nil }
        finishIfDone(now: now)
    }

    /// True if more bytes may be read from the client. A client that does not take its answers is not read from.
    public var wantsInput: Bool {
        guard phase != .closed, inputEnded == nil else { return false }
        return outputBuffer.count - outputStart < limits.outputByteCountMaximum
    }

    /// A request whose stream was reset, or whose connection was ended, while a handler had it.
    public func nextAbandoned() -> RequestID? {
        abandoned.isEmpty ? nil : abandoned.removeFirst()
    }

    /// The next whole request that a handler may see now.
    public func nextRequest(now: Duration) -> ReceivedRequest? {
        self.now = now
        while phase == .open, !ready.isEmpty, underWay.count < limits.http2.streamMaximum {
            let held = answerByteCountBound ?? answerByteCount
            answerByteCountBound = held
            guard held < limits.http2.answerByteCountMaximum else { return nil }
            let id = ready.removeFirst()
            // A stream that was reset meanwhile is gone, and with it the work.
            guard let stream = streams[id], !stream.isHandedOut, let request = stream.request else { continue }
            stream.isHandedOut = true
            underWay.insert(RequestID(id))
            let body = stream.body
            stream.body = []
            return ReceivedRequest(id: RequestID(id), request: request, body: body)
        }
        return nil
    }

    /// The head of a request is whole.
    func didReceiveHead(_ stream: HTTP2Stream, _ id: Int32, isLast: Bool) {
        requestCount += 1
        if requestCount >= limits.requestMaximum { drain(now: now) }
        let request: HTTPRequest
        do throws(MessageError) {
            request = try stream.head.request()
        } catch {
            stream.isMalformed = error.isMalformed
            return refuse(stream, id, .message(error))
        }
        if stream.head.expectsOther { return refuse(stream, id, .unsupportedExpectation) }
        stream.request = request
        guard !isLast else { return ready.append(id) }
        let maximum: Int
        let mayAnswer =
            stream.head.expectsContinue || stream.head.contentLength ?? 0 > limits.unwantedByteCountMaximum
        switch judge(request, mayAnswer) {
        case .content(let byteCount): maximum = byteCount
        case .answer(let answer, let content): return self.answer(stream, id, answer, .bytes(content))
        }
        if let length = stream.head.contentLength, length > maximum {
            return refuse(stream, id, .message(.bodyTooLong(maximum: maximum)))
        }
        stream.bodyByteCountMaximum = maximum
        stream.bodyStart = now
        stream.bodyProgress = now
        if stream.head.expectsContinue { submitContinue(id) }
    }

    /// A piece of a body. The client may send as much again at once: what is kept is bounded by the body's limit.
    func didReceiveData(_ bytes: UnsafeBufferPointer<UInt8>, _ id: Int32) {
        dataFrameHasBytes = true
        nghttp2_session_consume(frames, id, bytes.count)
        guard let stream = streams[id] else { return }
        if stream.answerEnd != nil {
            stream.unwantedByteCount += bytes.count
            if stream.unwantedByteCount > limits.unwantedByteCountMaximum { endRequest(stream, id) }
        }
        guard stream.bodyStart != nil else { return }
        guard stream.body.count + bytes.count <= stream.bodyByteCountMaximum else {
            return refuse(stream, id, .message(.bodyTooLong(maximum: stream.bodyByteCountMaximum)))
        }
        stream.body.makeRoom(
            for: bytes.count,
            of: (stream.head.contentLength ?? stream.bodyByteCountMaximum) - stream.body.count
        )
        stream.body += bytes
        stream.bodyProgress = now
    }

    /// The request is whole.
    func didReceiveEnd(_ stream: HTTP2Stream, _ id: Int32) {
        guard stream.bodyStart != nil else { return }
        stream.bodyStart = nil
        ready.append(id)
    }

    /// The stream is no more: answered, or reset by either side.
    func didClose(_ id: Int32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        if stream.isHandedOut, underWay.contains(RequestID(id)) || stream.isAwaited { abandoned.append(RequestID(id)) }
        if streams.isEmpty { idleSince = now }
    }

    /// Counts a frame that carries nothing of a request.
    func countControlFrame() {
        if !controlFrames.take(now: now) { endFlood() }
    }
}
