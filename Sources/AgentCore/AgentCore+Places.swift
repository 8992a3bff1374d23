import Southbound
import Wire

/// The places of this host's ports, by the share.
extension AgentCore {
    /// Compares the ports with their places in the share: a port that has left this host is set aside, and one that has
    /// returned no longer is.
    mutating func notePlaces() {
        areWiresOutdated = true
        var hasChanged = false
        for name in ports.keys.sorted() {
            guard var port = ports[name], port.claim > 0, !port.isWire else { continue }
            let logicalPort = port.specification.logicalPort
            let binding = share.binding(of: logicalPort)
            if let here = binding?.location(on: configuration.chassis) {
                port.boundSequence = max(port.boundSequence ?? 0, here.bindSeq)
                if port.isSetAside { emit(.log(.info, "port \(name): \(logicalPort) is here again")) }
                port.isSetAside = false
                port.lostTo = nil
                if here.state == .active { port.activationMark = nil }
            } else {
                let bound = port.boundSequence
                let taker = binding?.locations.first { place in bound.map { place.bindSeq > $0 } ?? port.isSetAside }
                port.isSetAside = port.isSetAside || bound != nil
                if let taker, taker.chassis != port.lostTo {
                    port.lostTo = taker.chassis
                    emit(.log(.warning, "port \(name): \(taker.chassis) has taken \(logicalPort)"))
                }
            }
            hasChanged =
                hasChanged || port.isSetAside != ports[name]?.isSetAside || port.lostTo != ports[name]?.lostTo
                || port.activationMark != ports[name]?.activationMark
            ports[name] = port
        }
        if hasChanged { _ = savePorts() }
    }

    /// Returns the reason why a port of this host is not bound here, and the remedy.
    func absence(of port: PluggedPort) -> (PortReport.State, String) {
        let logicalPort = port.specification.logicalPort
        guard let binding = share.binding(of: logicalPort) else {
            if let hold, hold.candidate.binding(of: logicalPort) != nil {
                return (.pending, "central has bound it in a history that is held here; see 'heddle doctor'")
            }
            if let failure = sync.failure { return (.pending, "central does not answer: \(failure)") }
            let remedy = "'heddle describe port \(logicalPort)' tells more"
            if port.isSetAside {
                return (.pending, "\(logicalPort) is here no more: it was deleted, or another host has it; \(remedy)")
            }
            return (.pending, "central binds it here once \(logicalPort) exists and may be here; \(remedy)")
        }
        let requested = binding.requestedChassis
        if !requested.isEmpty, !requested.contains(configuration.chassis) {
            let allowed = requested.joined(separator: ", ")
            return (.pending, "only \(allowed) may have \(logicalPort) (requested_chassis)")
        }
        guard let holder = binding.locations.first?.chassis else {
            return (.pending, "central has not bound \(logicalPort) yet")
        }
        let story =
            port.isSetAside
            ? "lost to \(holder); it comes back when \(holder) lets go"
            : "\(holder) has \(logicalPort); it comes here when \(holder) lets go"
        let state = port.isSetAside ? PortReport.State.lost : .pending
        guard requested.isEmpty else { return (state, story) }
        guard port.isSetAside || port.claim <= sync.toldClaim else {
            return (.pending, "\(holder) has \(logicalPort) until central receives this claim")
        }
        return (state, "\(story); to take it now: \(port.specification.command)")
    }
}

extension PortSpecification {
    var command: String {
        var words = ["heddle", "port", "add", name, "--logical-port", logicalPort]
        if device != .tap { words += ["--device", device.rawValue] }
        if device == .vhostUser {
            words += ["--socket", interface]
        } else if interface != name {
            words += ["--interface", interface]
        }
        if let netns { words += ["--netns", netns] }
        if let mac { words += ["--mac", mac.description] }
        for address in addresses { words += ["--address", address.description] }
        if let mtu { words += ["--mtu", "\(mtu)"] }
        return words.map(\.shellWord).joined(separator: " ")
    }
}

extension String {
    /// The text as one word of a shell's command.
    fileprivate var shellWord: String {
        let isPlain = utf8.allSatisfy { isNameByte($0) || $0 == UInt8(ascii: "/") }
        if isPlain { return self }
        return "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
