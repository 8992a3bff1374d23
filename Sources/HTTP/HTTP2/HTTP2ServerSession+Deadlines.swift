import CNghttp2

extension HTTP2ServerSession {
    /// The time when ``expire(now:)`` is due: the earliest of what bounds the connection and its streams. A request
    /// that waits for its handler has none.
    public var deadline: Duration? {
        if phase == .closed { return nil }
        if let lingeringSince { return lingeringSince + limits.lingeringTime }
        var earliest = connectionDeadline
        for stream in streams.values {
            if let time = bodyDeadline(stream) { earliest = min(earliest ?? time, time) }
            if let time = answerDeadline(stream) { earliest = min(earliest ?? time, time) }
            if let end = stream.answerEnd {
                let time = end + limits.lingeringTime
                earliest = min(earliest ?? time, time)
            }
        }
        if let noticeSent {
            let time = noticeSent + limits.http2.shutdownNoticeTime
            earliest = min(earliest ?? time, time)
        }
        return earliest
    }

    /// A deadline has come: refuses requests that are late, resets streams whose answers are not taken, ends what
    /// idles, or closes the connection.
    public func expire(now: Duration) {
        self.now = now
        guard let deadline, now >= deadline else { return }
        if phase == .lingering {
            phase = .closed
            return
        }
        if let noticeSent, now >= noticeSent + limits.http2.shutdownNoticeTime { endNotice() }
        if let time = connectionDeadline, now >= time {
            if isTerminated || writeProgress != nil || inputEnded != nil {
                phase = .closed
            } else {
                terminate(headStart == nil ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM)
            }
            return
        }
        for (id, stream) in streams.sorted(by: { $0.key < $1.key }) {
            if let end = stream.answerEnd, now >= end + limits.lingeringTime { endRequest(stream, id) }
            if let time = bodyDeadline(stream), now >= time { refuse(stream, id, .bodyTimeout) }
            guard let time = answerDeadline(stream), now >= time else { continue }
            if isBlockedByClient(id) {
                let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
                nghttp2_submit_rst_stream(frames, none, id, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
                stream.answerProgress = nil
            } else {
                // Other answers had their turn, or the whole connection waits and has its own deadline.
                stream.answerProgress = now
            }
        }
    }

    /// The deadline of the connection as a whole.
    private var connectionDeadline: Duration? {
        var earliest: Duration?
        func add(_ time: Duration?) {
            if let time { earliest = min(earliest ?? time, time) }
        }
        add(writeProgress.map { $0 + limits.writeStallTime })
        add(headStart.map { $0 + limits.headTime })
        add(inputEnded.map { $0 + limits.halfClosedTime })
        if streams.isEmpty, outputStart == outputBuffer.count { add(idleSince + limits.idleTime) }
        return earliest
    }

    private func bodyDeadline(_ stream: HTTP2Stream) -> Duration? {
        guard let start = stream.bodyStart else { return nil }
        let atMinimumRate = Duration.seconds(stream.body.count / max(limits.bodyRateMinimum, 1))
        return min(
            stream.bodyProgress + limits.bodyIdleTime,
            start + max(limits.bodyRateGraceTime, atMinimumRate)
        )
    }

    private func answerDeadline(_ stream: HTTP2Stream) -> Duration? {
        guard let progress = stream.answerProgress else { return nil }
        if case .none = stream.content { return nil }
        return progress + limits.writeStallTime
    }

    /// True if the client's windows keep an answer from leaving.
    private func isBlockedByClient(_ id: Int32) -> Bool {
        nghttp2_session_get_stream_remote_window_size(frames, id) <= 0
            || nghttp2_session_get_remote_window_size(frames) <= 0
    }
}
