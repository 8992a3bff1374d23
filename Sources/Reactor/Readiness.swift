import CLinux

/// The operations that a descriptor is ready for. An error or a hang-up makes it ready for both: the next call says
/// what it is.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// A read will not block.
    public static let readable = Readiness(rawValue: 1)
    /// A write will not block.
    public static let writable = Readiness(rawValue: 2)

    init(events: UInt32) {
        var readiness: Readiness = []
        if events & (CLINUX_EPOLLIN | CLINUX_EPOLLRDHUP) != 0 { readiness.insert(.readable) }
        if events & CLINUX_EPOLLOUT != 0 { readiness.insert(.writable) }
        if events & (CLINUX_EPOLLERR | CLINUX_EPOLLHUP) != 0 { readiness = [.readable, .writable] }
        self = readiness
    }

    /// The events for epoll; errors and hang-ups are reported in any case.
    var events: UInt32 {
        (contains(.readable) ? CLINUX_EPOLLIN | CLINUX_EPOLLRDHUP : 0) | (contains(.writable) ? CLINUX_EPOLLOUT : 0)
    }
}
