extension HTTP1ServerConnection {
    /// The bytes to write next.
    public var output: ArraySlice<UInt8> { outputBuffer[outputStart...] }

    /// Fills the output from the answers, oldest request first, up to its bound.
    public func prepareOutput(now: Duration, wallClock: Int64) {
        guard phase == .open else { return }
        // Moving the rest to the front costs no more than writing what was before it did.
        if outputStart > outputBuffer.count - outputStart {
            outputBuffer.removeSubrange(..<outputStart)
            outputStart = 0
        }
        let maximum = limits.outputByteCountMaximum + outputStart
        makesMore = false
        while outputBuffer.count < maximum, !makesMore {
            if encoder != nil {
                let isSlice = encoder?.isSliced == true
                guard encoder?.appendNext(to: &outputBuffer, maximum: maximum) == true else { break }
                if encoder?.isDone == true { endAnswer() } else { makesMore = isSlice }
            } else if let next = exchanges.first, let answer = next.answer {
                exchanges.removeFirst()
                beginAnswer(answer.head, answer.body, to: next, wallClock: wallClock)
            } else {
                break
            }
        }
        if !hasOutput {
            writeProgress = nil
        } else if writeProgress == nil || makesMore && outputStart == outputBuffer.count {
            // While the next slice is still being made, the client is not late.
            writeProgress = now
        }
        finishIfDone(now: now)
    }

    /// Takes note that the first `count` bytes of the output have been written.
    public func didWrite(_ count: Int, now: Duration) {
        outputStart = min(outputStart + count, outputBuffer.count)
        if outputStart == outputBuffer.count {
            outputBuffer.removeAll(keepingCapacity: outputBuffer.capacity <= Self.keptCapacityMaximum)
            outputStart = 0
        }
        if hasOutput {
            takenByteCount += count
            guard takenByteCount >= limits.writtenByteCountMinimum else { return }
            writeProgress = now
            takenByteCount = 0
        } else {
            writeProgress = nil
            takenByteCount = 0
            idleSince = now
        }
        finishIfDone(now: now)
    }

    private func beginAnswer(
        _ answer: AnswerHead,
        _ body: HTTPBody,
        to exchange: Exchange,
        wallClock: Int64
    ) {
        let closes = exchange.closes || answer.closes
        let encoder = ResponseEncoder(
            answer,
            body: body,
            to: exchange,
            closes: closes,
            wallClock: wallClock,
            into: &outputBuffer
        )
        closesAfterEncoder = closes || encoder.isDelimitedByClose
        self.encoder = encoder
        if encoder.isDone { endAnswer() }
    }

    private func endAnswer() {
        encoder = nil
        guard closesAfterEncoder else { return }
        closesAfterEncoder = false
        stopReading()
        exchanges.removeAll()
    }
}
