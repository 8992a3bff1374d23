import Datapath
import ForwarderProtocol
import Reactor
import Wire

extension ForwarderControl {
    /// A capture that the agent has asked for.
    struct Capture {
        /// The port's name; it need not be there.
        let port: String
        let tap: OwnedTap
        /// The generation that has it first.
        let since: UInt64
        /// True if the agent knows that every poller captures.
        var isTold = false
    }

    func beginCapture(_ order: CaptureOrder, _ ring: Descriptor?) {
        guard captures.count < ForwarderProtocol.captureCountMaximum, captures[order.number] == nil,
            !captures.values.contains(where: { $0.port == order.port }),
            let tap = ring.flatMap({ OwnedTap($0, snapByteCount: Int(order.snapByteCount)) })
        else {
            connection?.send(.capturing(number: order.number, isOn: false))
            return
        }
        captures[order.number] = Capture(port: order.port, tap: tap, since: publication.newest + 1)
        publishSoon()
    }

    func endCapture(_ number: UInt64) {
        guard captures.removeValue(forKey: number) != nil else { return }
        publishSoon()
    }

    /// Ends all captures: their agent is gone, and nobody reads them.
    func endAllCaptures() {
        guard !captures.isEmpty else { return }
        captures = [:]
        publishSoon()
    }

    /// Tells of the captures that every poller knows.
    func tellCaptures() {
        for number in captures.keys.sorted() {
            guard let capture = captures[number], !capture.isTold, capture.since <= publication.seen else { continue }
            captures[number]?.isTold = true
            connection?.send(.capturing(number: number, isOn: true))
        }
    }

    /// The captures of ports that are there, by slot.
    var tapsBySlot: [Int: OwnedTap] {
        var taps: [Int: OwnedTap] = [:]
        for capture in captures.values {
            if let slot = slots.ports[capture.port]?.slot { taps[slot] = capture.tap }
        }
        return taps
    }

    /// Has pollers see what is not of tables.
    func publishSoon() {
        publication.outdate()
        loop.defer { [weak self] in self?.publish() }
    }
}
