import API
import CentralCore
import HTTPTransport
import Logging
import Reactor

/// Warnings that clients can cause as often as they like: each kind at once, then once a minute with
/// how many there were.
final class RepeatedLog {
    /// A kind of incident; those that are equal are counted together.
    enum Incident: Hashable {
        case wrongToken(RemoteHost?)
        /// A request could not be carried out, for a reason of central's own.
        case failed(status: Int, Endpoint?)
    }

    private let loop: EventLoop
    private let logger: Logger
    private var budget = RepeatBudget<Incident>()
    private var timer: TimerHandle?

    init(loop: EventLoop, logger: Logger) {
        self.loop = loop
        self.logger = logger
    }

    deinit { timer?.cancel() }

    /// Warns, now or within a minute.
    func warn(_ incident: Incident, _ text: String) {
        if let line = budget.note(incident, text, now: Clock.monotonic()) { logger.warning("\(line)") }
        schedule()
    }

    private func schedule() {
        guard timer == nil, !budget.isEmpty else { return }
        timer = loop.schedule(after: RepeatBudget<Incident>.interval) { [weak self] in self?.tell() }
    }

    private func tell() {
        timer = nil
        for line in budget.due(now: Clock.monotonic()) { logger.warning("\(line)") }
        schedule()
    }
}
