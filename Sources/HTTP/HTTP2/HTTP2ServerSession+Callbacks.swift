import CNghttp2

// Callbacks of libnghttp2. Each finds its session and records the event; none may call into reading or writing.

extension HTTP2ServerSession {
    /// A session of libnghttp2 whose callbacks lead to `owner`, which outlives it.
    static func makeFrames(_ limits: HTTPLimits, owner: UnsafeMutableRawPointer) -> OpaquePointer? {
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0 else { return nil }
        defer { nghttp2_option_del(option) }
        // The window is opened again when bytes have been taken, not when they arrive.
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_outbound_ack(option, limits.http2.acknowledgementMaximum)
        nghttp2_option_set_max_settings(option, limits.http2.settingMaximum)
        // libnghttp2 also counts the pieces in which the 9 bytes before a CONTINUATION arrive; we count frames.
        let pieces = (limits.http2.continuationMaximum + 1) * frameHeaderByteCount
        nghttp2_option_set_max_continuations(option, pieces)
        nghttp2_option_set_max_deflate_dynamic_table_size(option, limits.http2.headerTableByteCount)
        // Ours is tighter and tells the reason.
        nghttp2_option_set_stream_reset_rate_limit(option, .max, .max)
        var session: OpaquePointer?
        guard nghttp2_session_server_new2(&session, callbacks, owner, option) == 0 else { return nil }
        return session
    }

    private static func session(_ owner: UnsafeMutableRawPointer?) -> HTTP2ServerSession? {
        owner.map { Unmanaged<HTTP2ServerSession>.fromOpaque($0).takeUnretainedValue() }
    }

    /// One set serves all sessions; it is never changed.
    nonisolated(unsafe) private static let callbacks: OpaquePointer? = {
        var callbacks: OpaquePointer?
        guard nghttp2_session_callbacks_new(&callbacks) == 0 else { return nil }
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, owner in
            if let header { session(owner)?.didBeginFrame(header.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, owner in
            if let frame, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
                session(owner)?.open(frame.pointee.hd.stream_id)
            }
            return 0
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _,
            frame,
            name,
            nameCount,
            value,
            count,
            _,
            owner in
            let name = UnsafeBufferPointer(start: name, count: nameCount)
            let value = UnsafeBufferPointer(start: value, count: count)
            guard let frame, let session = session(owner) else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            return session.didReceiveField(frame.pointee, name, value).rawValue
        }
        nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, frame, name, count, _, _, _, owner in
            let name = UnsafeBufferPointer(start: name, count: count)
            if let frame { session(owner)?.didReceiveInvalidField(frame.pointee, name) }
            return 0
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, owner in
            session(owner)?.didReceiveData(UnsafeBufferPointer(start: bytes, count: count), id)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, owner in
            if let frame { session(owner)?.didReceiveFrame(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, reason, owner in
            if let frame { session(owner)?.didReceiveInvalidFrame(frame.pointee, nghttp2_error(rawValue: reason)) }
            return 0
        }
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, _, owner in
            session(owner)?.didClose(id)
            return 0
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, owner in
            if let frame { session(owner)?.didSendFrame(frame.pointee) }
            return 0
        }
        nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, count, _, owner in
            guard let frame, let session = session(owner) else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
            let header = UnsafeBufferPointer(start: header, count: frameHeaderByteCount)
            return session.appendData(header, count, frame.pointee.hd.stream_id).rawValue
        }
        return callbacks
    }()

    /// Tells libnghttp2 how much of an answer goes into the next DATA frame; ``appendData(_:_:_:)`` puts it there.
    static let readContent: nghttp2_data_source_read_callback = { _, id, _, room, flags, _, owner in
        guard let stream = session(owner)?.streams[id] else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        guard session(owner)?.mayMake(stream, id) != false else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        guard let (available, isLast) = stream.content.available() else {
            session(owner)?.deferAnswer(stream, id)
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        let count = min(available, room)
        if count > 0 { flags?.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
        if isLast, count == available {
            flags?.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            // The stream ends with a reset instead.
            if stream.isMalformed { flags?.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue }
        }
        return count
    }

    private func open(_ id: Int32) {
        streams[id] = HTTP2Stream()
        if id > lastOpened + 2 {
            passedOver.append((lastOpened + 1)..<id)
            if passedOver.count > Self.passedOverMaximum { passedOver.removeFirst() }
        }
        lastOpened = id
    }

    private func didBeginFrame(_ header: nghttp2_frame_hd) {
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS:
            headStart = now
            continuationCount = 0
            checkOpen(header.stream_id)
            return
        case NGHTTP2_CONTINUATION:
            continuationCount += 1
            if continuationCount > limits.http2.continuationMaximum { endFlood() }
            return
        case NGHTTP2_DATA:
            dataFrameHasBytes = false
            headStart = nil
            return
        case NGHTTP2_PRIORITY where header.stream_id == 0:
            // libnghttp2 passes over it if priorities are not used; RFC 9113 section 6.3 does not.
            return terminate(NGHTTP2_PROTOCOL_ERROR)
        case NGHTTP2_WINDOW_UPDATE:
            headStart = nil
            return
        case NGHTTP2_RST_STREAM:
            headStart = nil
            if !clientResets.take(now: now) { endFlood() }
            return
        default:
            headStart = nil
        }
        countControlFrame()
    }

    /// Ends the connection of a client that goes on with a stream that it has ended or passed over (RFC 9113 section
    /// 5.1). For a while it may not know that the server has reset one; libnghttp2 does not keep them apart.
    func checkOpen(_ id: Int32) {
        guard id <= lastOpened, streams[id] == nil, !resetHere.contains(id), id % 2 == 1 else { return }
        terminate(passedOver.contains { $0.contains(id) } ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_STREAM_CLOSED)
    }

    private func didReset(_ id: Int32, _ reason: nghttp2_error_code) {
        remember(resetHere: id)
        switch reason {
        case NGHTTP2_NO_ERROR: break
        case NGHTTP2_REFUSED_STREAM: countControlFrame()
        default: countServerReset()
        }
    }

    private func remember(resetHere id: Int32) {
        guard !resetHere.contains(id) else { return }
        resetHere.append(id)
        if resetHere.count > Self.resetHereMaximum { resetHere.removeFirst() }
    }

    private func didReceiveField(
        _ frame: nghttp2_frame,
        _ name: UnsafeBufferPointer<UInt8>,
        _ value: UnsafeBufferPointer<UInt8>
    ) -> nghttp2_error {
        let proceed = nghttp2_error(rawValue: 0)
        guard let stream = streams[frame.hd.stream_id], !stream.isHandedOut else { return proceed }
        guard stream.head.admits(byteCount: name.count + value.count, limits: limits) else {
            let maximum = limits.headByteCountMaximum * limits.http2.headBombFactor
            return stream.head.byteCount > maximum ? NGHTTP2_ERR_CALLBACK_FAILURE : proceed
        }
        // Trailers are checked, counted and dropped.
        guard frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return proceed }
        stream.head.add(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self), limits: limits)
        return proceed
    }

    /// libnghttp2 would drop it and go on; RFC 9113 section 8.2.1 wants the request refused.
    private func didReceiveInvalidField(_ frame: nghttp2_frame, _ name: UnsafeBufferPointer<UInt8>) {
        let isName = name.allSatisfy { $0 > 0x20 && $0 < 0x7f && !(0x41...0x5a).contains($0) }
        streams[frame.hd.stream_id]?.head.error = isName ? .badFieldValue : .badFieldName
    }

    private func didReceiveFrame(_ frame: nghttp2_frame) {
        let id = frame.hd.stream_id
        let isLast = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(frame.hd.type)) {
        case NGHTTP2_HEADERS:
            headStart = nil
            guard let stream = streams[id] else { return }
            if frame.headers.cat == NGHTTP2_HCAT_REQUEST {
                didReceiveHead(stream, id, isLast: isLast)
            } else if let error = stream.head.error {
                stream.isMalformed = error.isMalformed
                refuse(stream, id, .message(error == .headTooLong ? .trailersTooLong : error))
            } else {
                didReceiveEnd(stream, id)
            }
        case NGHTTP2_DATA:
            if isLast, let stream = streams[id] {
                didReceiveEnd(stream, id)
            } else if !isLast, !dataFrameHasBytes {
                countControlFrame()
            }
        case NGHTTP2_WINDOW_UPDATE:
            let increment = Int(frame.window_update.window_size_increment)
            if increment < limits.http2.windowUpdateByteCountMinimum { countControlFrame() }
        case NGHTTP2_PING:
            let isAnswer = frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
            if isAnswer, withUnsafeBytes(of: frame.ping.opaque_data, { $0.elementsEqual(Self.noticePing) }) {
                endNotice()
            }
        default:
            break
        }
    }

    private func didSendFrame(_ frame: nghttp2_frame) {
        let endsStream = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(frame.hd.type)) {
        case NGHTTP2_HEADERS where endsStream, NGHTTP2_DATA where endsStream: didEndAnswer(frame.hd.stream_id)
        case NGHTTP2_DATA: resetIfMalformed(frame.hd.stream_id)
        case NGHTTP2_RST_STREAM:
            didReset(frame.hd.stream_id, nghttp2_error_code(frame.rst_stream.error_code))
        case NGHTTP2_GOAWAY where frame.goaway.error_code != NGHTTP2_NO_ERROR.rawValue: hasErred = true
        case NGHTTP2_GOAWAY where noticeSent != nil:
            // Its answer says that the client has seen the notice.
            nghttp2_submit_ping(frames, UInt8(NGHTTP2_FLAG_NONE.rawValue), Self.noticePing)
        default: break
        }
    }

    private func didReceiveInvalidFrame(_ frame: nghttp2_frame, _ reason: nghttp2_error) {
        headStart = nil
        // The client goes on with it until it hears of that.
        if frame.hd.stream_id != 0 { remember(resetHere: frame.hd.stream_id) }
        // A refused stream is counted as it is reset.
        if reason != NGHTTP2_ERR_REFUSED_STREAM { countServerReset() }
    }

    private func countServerReset() {
        if !serverResets.take(now: now) { endFlood() }
    }

    /// Bytes of a frame's header (RFC 9113 section 4.1).
    private static let frameHeaderByteCount = 9
}
