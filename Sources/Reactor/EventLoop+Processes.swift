import CLinux
import Glibc

extension EventLoop {
    /// Calls `body` on this loop for each `signal` the process gets. A second call for a signal replaces the first.
    ///
    /// Call it before other threads start: they inherit that the signal is blocked (those of `startThread` block all).
    public func onSignal(_ signal: Int32, _ body: @escaping () -> Void) throws(SystemError) {
        precondition((1..<64).contains(signal), "no signal \(signal)")
        let handlers = signals ?? SignalHandlers()
        handlers.bodies[signal] = body
        var mask: UInt64 = 0
        for number in handlers.bodies.keys { mask |= 1 << UInt64(number - 1) }
        let before = handlers.descriptor?.raw ?? -1
        let descriptor = Int32(try systemCall("signalfd") { clinux_signalfd(before, mask) })
        signals = handlers
        guard handlers.descriptor == nil else { return }
        handlers.descriptor = Descriptor(owning: descriptor)
        _ = try register(descriptor, reads: true, writes: false) { [unowned handlers] _ in
            while true {
                let number = clinux_signalfd_read(descriptor)
                guard number > 0 else { return }
                handlers.bodies[Int32(number)]?()
            }
        }
    }

    /// Calls `body` once when the process ends, with its exit code (128 + signal when one killed it), or with `nil`
    /// when it was no child of ours: then nobody but its parent learns the code.
    ///
    /// A child is reaped by this; nothing else may wait for it.
    /// - Throws: ESRCH when there is no such process (any more).
    public func onExit(
        ofProcess process: pid_t,
        _ body: @escaping (Int32?) -> Void
    ) throws(SystemError) -> Registration {
        let pidfd = Descriptor(owning: Int32(try systemCall("pidfd_open") { clinux_pidfd_open(process) }))
        var own: Registration?
        let registration = try register(pidfd.raw, reads: true, writes: false) { _ in
            let code = clinux_take_exit(process)
            guard code != -Int(EAGAIN) else { return }
            own?.cancel()
            own = nil
            withExtendedLifetime(pidfd) { body(code < 0 ? nil : Int32(code)) }
        }
        own = registration
        return registration
    }
}

/// The signals a loop takes.
final class SignalHandlers {
    var descriptor: Descriptor?
    var bodies: [Int32: () -> Void] = [:]
}

/// Lets the process ignore `signal`, as SIGPIPE and SIGHUP of a daemon.
public func ignoreSignal(_ signal: Int32) throws(SystemError) {
    try systemCall("signal") { clinux_ignore_signal(signal) }
}
