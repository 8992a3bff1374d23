extension HTTP1ServerConnection {
    /// Takes bytes that the client has sent.
    public func receive(_ bytes: ArraySlice<UInt8>, now: Duration) {
        guard phase != .closed, !bytes.isEmpty else { return }
        switch reading {
        case .stopped:
            droppedByteCount += bytes.count
            if phase == .lingering, droppedByteCount > limits.lingeringByteCountMaximum { phase = .closed }
        case .head, .fixedBody, .chunkedBody:
            if inputStart > 0 {
                input.removeSubrange(..<inputStart)
                inputStart = 0
            }
            input += bytes
        }
    }

    /// The client sends nothing more. What it has not sent whole is dropped; answers under way are still written.
    public func receiveEnd(now: Duration) {
        guard inputEnded == nil else { return }
        inputEnded = now
        if phase == .lingering {
            phase = .closed
            return
        }
        stopReading()
        if let last = exchanges.indices.last { exchanges[last].closes = true }
        finishIfDone(now: now)
    }

    /// True if more bytes may be read from the client.
    public var wantsInput: Bool {
        guard phase != .closed, inputEnded == nil else { return false }
        switch reading {
        case .stopped: return droppedByteCount <= limits.lingeringByteCountMaximum
        case .fixedBody, .chunkedBody: return true
        case .head: return input.count - inputStart < limits.pipelinedByteCountMaximum
        }
    }

    /// The next whole request that a handler may see now.
    public func nextRequest(now: Duration) -> ReceivedRequest? {
        guard phase == .open else { return nil }
        do throws(MessageError) {
            if case .head = reading {
                guard mayReadHead else { return nil }
                try readHead(now: now)
            }
            switch reading {
            case .head, .stopped: return nil
            case .fixedBody(let remaining): return readFixedBody(remaining: remaining, now: now)
            case .chunkedBody: return try readChunkedBody(now: now)
            }
        } catch {
            refuse(.message(error), isHEAD: pending?.exchange.isHEAD ?? head.isHEAD)
            return nil
        }
    }

    /// True if the next request may be under way beside those that are.
    private var mayReadHead: Bool {
        guard inputStart < input.count, exchanges.count < limits.pipelinedRequestMaximum else { return false }
        // A client that does not take its answers gets no more of them made.
        guard answerByteCount < limits.outputByteCountMaximum else { return false }
        // Behind an answer that stays open no other would be seen.
        if encoder?.isStream == true { return false }
        if exchanges.allSatisfy({ $0.answer != nil }) { return true }
        guard exchanges.allSatisfy(\.isSafe) else { return false }
        let rest = input[inputStart...]
        return rest.starts(with: "GET ".utf8) || rest.starts(with: "HEAD ".utf8)
    }

    /// Reads what is there of a head; when that is all of it, reading goes on with the body.
    private func readHead(now: Duration) throws(MessageError) {
        guard let known = try nextHead(now: now) else { return }
        let (head, request) = (known.head, known.request)
        inputStart += known.bytes.count
        headStart = nil
        requestCount += 1
        let isLast = requestCount >= UInt64(clamping: limits.requestMaximum)
        let exchange = Exchange(
            id: requestCount - 1,
            isHEAD: head.isHEAD,
            isSafe: head.isSafe,
            minorVersion: head.minorVersion,
            byteCount: known.bytes.count,
            closes: head.fields.closes || head.minorVersion == 0 || isLast
        )
        let (isChunked, contentLength) = (head.fields.isChunked, head.fields.contentLength ?? 0)
        let hasBody = isChunked || contentLength > 0
        let expectsContinue = head.fields.expectsContinue && exchange.minorVersion > 0
        guard !head.fields.expectsOther else { return refuse(.unsupportedExpectation, isHEAD: exchange.isHEAD) }
        var maximum = 0
        if hasBody {
            // A short body that comes anyway is read, so that the connection stays.
            let mayAnswer = expectsContinue || contentLength > limits.unwantedByteCountMaximum
            switch judge(request, mayAnswer) {
            case .content(let byteCount): maximum = byteCount
            case .answer(let answer, let content): return end(with: answer, content, isHEAD: exchange.isHEAD)
            }
        }
        guard contentLength <= maximum else {
            return refuse(.message(.bodyTooLong(maximum: maximum)), isHEAD: exchange.isHEAD)
        }
        pending = PendingRequest(
            request: request,
            exchange: exchange,
            bodyByteCountMaximum: maximum,
            start: now,
            lastProgress: now
        )
        if isChunked { decoder = ChunkedDecoder(limits: limits) }
        reading = isChunked ? .chunkedBody : .fixedBody(remaining: contentLength)
        if hasBody, expectsContinue { sendContinue(now: now) }
    }

    /// The next head, once all of it is there. Most clients send the same one again and again: then it is known what
    /// it says.
    private func nextHead(now: Duration) throws(MessageError) -> KnownHead? {
        if headStart == nil {
            if let known = lastHead, input[inputStart...].starts(with: known.bytes) { return known }
            headStart = now
        }
        guard let length = try head.advance(in: input, from: inputStart, limits: limits) else { return nil }
        let request = head.request(in: input, from: inputStart)
        let known = KnownHead(Array(input[inputStart..<(inputStart + length)]), head, request)
        head = RequestHead()
        lastHead = length <= Self.keptHeadByteCountMaximum ? known : nil
        return known
    }

    /// Asks for the body, unless it is coming already or an earlier answer has to leave first.
    private func sendContinue(now: Duration) {
        guard exchanges.isEmpty, encoder == nil, inputStart == input.count else { return }
        outputBuffer += "HTTP/1.1 100 Continue\r\n\r\n".utf8
        writeProgress = now
    }

    private func readFixedBody(remaining: Int, now: Duration) -> ReceivedRequest? {
        let count = min(remaining, input.count - inputStart)
        if count > 0 {
            body.makeRoom(for: count, of: remaining)
            body += input[inputStart..<(inputStart + count)]
            inputStart += count
            pending?.lastProgress = now
        }
        guard count == remaining else {
            reading = .fixedBody(remaining: remaining - count)
            return nil
        }
        return endRequest()
    }

    private func readChunkedBody(now: Duration) throws(MessageError) -> ReceivedRequest? {
        let maximum = pending?.bodyByteCountMaximum ?? 0
        body.makeRoom(for: input.count - inputStart, of: maximum)
        let count = try decoder.decode(input, from: inputStart, into: &body, maximum: maximum)
        inputStart += count
        if count > 0 { pending?.lastProgress = now }
        return decoder.isDone ? endRequest() : nil
    }

    private func endRequest() -> ReceivedRequest? {
        guard let ended = pending else { return nil }
        let received = ReceivedRequest(id: ended.exchange.id, request: ended.request, body: body)
        pending = nil
        body = []
        exchanges.append(ended.exchange)
        if ended.exchange.closes || isDraining { exchanges[exchanges.count - 1].closes = true }
        if exchanges.last?.closes == true { stopReading() } else { reading = .head }
        if inputStart == input.count {
            input.removeAll(keepingCapacity: input.capacity <= Self.keptCapacityMaximum)
            inputStart = 0
        }
        return received
    }

    /// The longest head that a connection remembers, for the same reason.
    private static let keptHeadByteCountMaximum = 512

    /// Bytes of buffer that a connection keeps while it waits, so that parked ones stay small.
    static let keptCapacityMaximum = 4096
}

extension [UInt8] {
    /// Makes room for more bytes of a long body at once: growing by doubling would copy megabytes time and again, and
    /// meanwhile nobody else is served. What is not used of the room costs addresses, not memory.
    /// - Parameters:
    ///   - byteCount: those that are there.
    ///   - remaining: the most that may come.
    package mutating func makeRoom(for byteCount: Int, of remaining: Int) {
        guard count >= Self.longBodyByteCount, count + byteCount > capacity else { return }
        reserveCapacity(count + Swift.max(byteCount, remaining))
    }

    /// Shorter bodies grow by doubling, so that no room is made for a client that has sent little.
    private static var longBodyByteCount: Int { 128 * 1024 }
}
