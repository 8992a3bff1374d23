extension HTTP1ServerConnection {
    /// The time when ``expire(now:)`` is due: the earliest of what bounds the connection's present state. A request
    /// that waits for its handler has none.
    public var deadline: Duration? {
        if phase == .closed { return nil }
        if let lingeringSince { return lingeringSince + limits.lingeringTime }
        var earliest: Duration?
        func add(_ time: Duration?) {
            if let time { earliest = min(earliest ?? time, time) }
        }
        add(writeDeadline)
        add(readDeadline)
        if let inputEnded, !exchanges.isEmpty { add(inputEnded + limits.halfClosedTime) }
        return earliest
    }

    /// A deadline has come: refuses the request that is late, or closes the connection.
    public func expire(now: Duration) {
        guard let deadline, now >= deadline else { return }
        if phase == .lingering || isDue(writeDeadline, now) || inputEnded != nil {
            phase = .closed
            return
        }
        guard isDue(readDeadline, now) else { return }
        switch reading {
        case .head where inputStart < input.count: refuse(.headTimeout, isHEAD: false)
        case .fixedBody, .chunkedBody: refuse(.bodyTimeout, isHEAD: pending?.exchange.isHEAD ?? false)
        case .head, .stopped: phase = .closed
        }
    }

    private func isDue(_ time: Duration?, _ now: Duration) -> Bool {
        if let time { time <= now } else { false }
    }

    private var writeDeadline: Duration? { writeProgress.map { $0 + limits.writeStallTime } }

    private var readDeadline: Duration? {
        switch reading {
        case .stopped: return nil
        case .head:
            if let headStart { return headStart + limits.headTime }
            return isIdle ? idleSince + limits.idleTime : nil
        case .fixedBody, .chunkedBody:
            guard let pending else { return nil }
            let atMinimumRate = Duration.seconds(body.count / max(limits.bodyRateMinimum, 1))
            return min(
                pending.lastProgress + limits.bodyIdleTime,
                pending.start + max(limits.bodyRateGraceTime, atMinimumRate)
            )
        }
    }
}
