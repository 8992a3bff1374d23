import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import Wire

extension AgentCore {
    /// Begins to capture a port's frames, which its user gets until a limit is reached or the user goes.
    mutating func capture(_ ticket: Ticket, _ request: CaptureRequest) {
        if let refusal = refusal(of: request) { return emit(.answer(ticket, .refused(refusal))) }
        captures[ticket] = request.port
        let logicalPort = logicalPort(of: request.port) ?? ""
        emit(.openCapture(ticket, request, logicalPort: logicalPort))
    }

    private func refusal(of request: CaptureRequest) -> Problem? {
        let name = request.port
        let isPlugged = ports[name].map { $0.claim > 0 && !$0.isLeaving } ?? false
        guard isPlugged || forwarder.nested[name] != nil else {
            return Problem(.notFound, code: "port_not_found", detail: "This host has no port \(name).")
        }
        guard forwarder.phase == .connected else {
            let detail = "The forwarder does not run just now; try again in a moment."
            return Problem(.serviceUnavailable, code: "no_forwarder", detail: detail)
        }
        guard !captures.values.contains(name) else {
            let detail = "The port \(name) is captured already; end that capture first."
            return Problem(.conflict, code: "port_captured", detail: detail)
        }
        guard captures.count < ForwarderProtocol.captureCountMaximum else {
            let detail = "This host captures \(ForwarderProtocol.captureCountMaximum) ports already; end one of these."
            return Problem(.serviceUnavailable, code: "too_many_captures", detail: detail)
        }
        return nil
    }

    /// The forwarder captures, or cannot.
    mutating func capturing(_ number: UInt64, isOn: Bool) {
        guard captures[number] != nil else { return }
        if isOn { return emit(.beginCapture(number)) }
        captures[number] = nil
        let detail = "The forwarder cannot capture the port just now; try again in a moment."
        let refusal = Problem(.serviceUnavailable, code: "capture_failed", detail: detail)
        emit(.endCapture(number, refusal))
    }

    /// A capture has come to its limit, or its user is gone.
    mutating func captureEnded(_ ticket: Ticket) {
        guard captures.removeValue(forKey: ticket) != nil else { return }
        emit(.endCapture(ticket, nil))
    }

    /// Ends all captures, as the forwarder that made them has.
    mutating func endCaptures() {
        let detail = "The forwarder has ended; try again in a moment."
        let refusal = Problem(.serviceUnavailable, code: "no_forwarder", detail: detail)
        for ticket in captures.keys.sorted() { emit(.endCapture(ticket, refusal)) }
        captures = [:]
    }

    /// The name of the port that has a slot; the slot's number if there is none any more.
    public func portName(ofSlot slot: UInt16) -> String {
        forwarder.slots.filter { $0.value == slot }.keys.min() ?? "in slot \(slot)"
    }

    /// The name of the chassis that has an encap, and that.
    public func chassisName(at address: IPAddress) -> String {
        for case .chassis(let other) in share.records.values {
            if other.encaps.contains(where: { $0.ip == address }) { return "\(other.name) (\(address))" }
        }
        return "\(address)"
    }
}
