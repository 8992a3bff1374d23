import HTTP
import HTTPTypes
import Southbound
import Wire

extension AgentCore {
    /// Plugs a port, or plugs it again if it is not bound here or its device is gone, or finds that it is plugged as
    /// ordered.
    mutating func portAdd(_ ticket: Ticket, _ request: PortRequest) {
        let wanted = request.specification
        if let refusal = refusal(of: wanted) { return emit(.answer(ticket, .refused(refusal))) }
        guard let port = ports[wanted.name] else {
            ports[wanted.name] = PluggedPort(specification: wanted, isOwned: false, claim: 0, device: .opening)
            waiting.append(Waiting(ticket: ticket, subject: .plug(port: wanted.name)))
            return openDevice(wanted, request.demand)
        }
        if let refusal = differences(of: wanted, from: port) { return emit(.answer(ticket, .refused(refusal))) }
        switch port.device {
        case .opening, .unknown:
            waiting.append(Waiting(ticket: ticket, subject: .plug(port: wanted.name)))
            if port.device == .unknown { ports[wanted.name]?.demand = port.isOwned ? .any : request.demand }
        case .failed, .awaited:
            waiting.append(Waiting(ticket: ticket, subject: .plug(port: wanted.name)))
            ports[wanted.name]?.demand = port.isOwned ? .any : request.demand
            if !port.isLookedFor { plugAgain(wanted.name) }
        case .present:
            waiting.append(Waiting(ticket: ticket, subject: .plug(port: wanted.name)))
            ports[wanted.name]?.demand = port.isOwned ? .any : request.demand
            checkBeforePlugging(wanted.name)
        }
    }

    /// The reason why a port cannot be plugged whatever the state of its device; `nil` if it can.
    private func refusal(of wanted: PortSpecification) -> Problem? {
        if let mtu = wanted.mtu, mtu > portMTU {
            return Problem(
                .unprocessableContent,
                code: "mtu_too_large",
                detail: "An MTU of \(mtu) does not fit the underlay, which takes at most \(portMTU) "
                    + "bytes; leave --mtu out or give at most that.",
                pointer: "/mtu"
            )
        }
        let others = ports.values.filter { $0.specification.name != wanted.name }
            .map(\.specification).sorted { $0.name < $1.name }
        if let other = others.first(where: { $0.logicalPort == wanted.logicalPort }) {
            return Problem(
                .conflict,
                code: "logical_port_plugged",
                detail: "The logical port \(wanted.logicalPort) is already plugged on this host, as \(other.name); "
                    + "unplug it first with 'heddle port del \(other.name)'.",
                pointer: "/logical_port"
            )
        }
        if let other = others.first(where: { $0.interface == wanted.interface && $0.netns == wanted.netns }) {
            return Problem(
                .conflict,
                code: "interface_plugged",
                detail: "The interface \(wanted.interface) already belongs to the port \(other.name); "
                    + "give another one with --interface.",
                pointer: "/interface"
            )
        }
        if ports[wanted.name] == nil, ports.count + forwarder.nested.count >= Self.portCountMaximum {
            return Problem(
                .serviceUnavailable,
                code: "too_many_ports",
                detail: "This host has \(Self.portCountMaximum) ports, and its forwarder takes no more."
            )
        }
        return nil
    }

    /// The reason why a port that is there cannot become the wanted one; `nil` if it is that one.
    func differences(of wanted: PortSpecification, from port: PluggedPort) -> Problem? {
        let name = wanted.name
        if port.isLeaving {
            return Problem(
                .conflict,
                code: "port_leaving",
                detail: "The port \(name) is just being unplugged; try again when that is done."
            )
        }
        let there = port.specification
        var fields: [String] = []
        if there.logicalPort != wanted.logicalPort { fields.append("logical port \(there.logicalPort)") }
        if there.device != wanted.device { fields.append("device \(there.device.rawValue)") }
        if there.interface != wanted.interface { fields.append("interface \(there.interface)") }
        if there.netns != wanted.netns { fields.append("netns \(there.netns ?? "(the agent's)")") }
        if there.mac != wanted.mac { fields.append("MAC \(there.mac?.description ?? "(the kernel's)")") }
        if there.addresses != wanted.addresses {
            let texts = there.addresses.map(\.description).joined(separator: " ")
            fields.append("addresses \(texts.isEmpty ? "(none)" : texts)")
        }
        if there.mtu != wanted.mtu { fields.append("MTU \(there.mtu.map(String.init) ?? "(the default)")") }
        guard !fields.isEmpty else { return nil }
        return Problem(
            .conflict,
            code: "port_exists",
            detail: "The port \(name) is already plugged with \(fields.joined(separator: ", ")); "
                + "unplug it first with 'heddle port del \(name)'."
        )
    }

    /// Opens or makes the device of a port that had lost it, as a user demands.
    mutating func plugAgain(_ name: String) {
        guard let port = ports[name], let demand = port.demand else { return }
        ports[name]?.demand = nil
        ports[name]?.device = .opening
        openDevice(port.specification, demand)
    }

    private mutating func openDevice(_ specification: PortSpecification, _ demand: DeviceDemand) {
        let mtu = specification.mtu ?? portMTU
        ports[specification.name]?.madeMTU = mtu
        emit(.openDevice(specification, .plug(demand, mtu: mtu)))
    }

    /// Gives the port a new claim, which central hears of when it is on disk.
    mutating func claim(_ name: String) {
        guard let port = ports[name] else { return }
        lastClaim += 1
        ports[name]?.replaced = PluggedPort.Replaced(
            claim: port.claim,
            isSetAside: port.isSetAside,
            lostTo: port.lostTo
        )
        ports[name]?.claim = lastClaim
        ports[name]?.isSetAside = false
        ports[name]?.lostTo = nil
        ports[name]?.boundSequence = nil
        let save = savePorts()
        ports[name]?.save = save
    }

    /// Unplugs a port: off the forwarder and central's list at once, its leaving on disk, then its device.
    mutating func portDelete(_ ticket: Ticket, _ name: String) {
        guard let port = ports[name] else {
            let refusal = Problem(.notFound, code: "port_not_found", detail: "This host has no port \(name).")
            return emit(.answer(ticket, .refused(refusal)))
        }
        guard !port.isWire else {
            let detail =
                "\(name) joins this host to a physical network as central says; "
                + "to end that, delete its port there: heddle nb lsp-del \(port.specification.logicalPort)."
            return emit(.answer(ticket, .refused(Problem(.conflict, code: "port_is_physical", detail: detail))))
        }
        guard port.claim > 0, port.device != .opening else {
            let detail = "The port \(name) is just being plugged; try again when that is done."
            return emit(.answer(ticket, .refused(Problem(.conflict, code: "port_opening", detail: detail))))
        }
        waiting.append(Waiting(ticket: ticket, subject: .unplug(port: name)))
        ports[name]?.isRemovalAsked = false
        guard !port.isLeaving else { return }
        ports[name]?.isLeaving = true
        if forwarder.held.contains(name) { forwarder.changedPorts.insert(name) }
        let save = savePorts()
        ports[name]?.save = save
    }

    /// A save has ended: claims in it may be told, and ports that leave in it may lose their devices.
    mutating func portsSaved(_ save: UInt64, _ failure: String?) {
        noteSave(failure, of: "the ports")
        if let failure { return undo(save, failure) }
        files.portsSaved = max(files.portsSaved, save)
        for name in ports.keys.sorted() {
            guard let port = ports[name], port.save <= files.portsSaved else { continue }
            ports[name]?.replaced = nil
            answerPlugs(of: name)
        }
    }

    /// Answers those who plug a port when it is there and its claim on disk.
    mutating func answerPlugs(of name: String) {
        guard let port = ports[name], !port.isLeaving, !port.isBeingChecked else { return }
        guard port.device == .present || port.device == .awaited else { return }
        guard port.claim > 0, port.save <= files.portsSaved else { return }
        answer(.plug(port: name), .port(report(of: port)))
    }

    /// Takes back an order that could not be saved.
    private mutating func undo(_ save: UInt64, _ failure: String) {
        let refusal = Problem(
            .insufficientStorage,
            code: "state_not_saved",
            detail: "The agent cannot save its state (\(failure)); repair its state directory and try again."
        )
        for name in ports.keys.sorted() {
            guard let port = ports[name], port.save == save else { continue }
            if port.isLeaving {
                ports[name]?.isLeaving = false
                if port.device == .present { forwarder.changedPorts.insert(name) }
                answer(.unplug(port: name), .refused(refusal))
            } else if let replaced = port.replaced, replaced.claim > 0 {
                ports[name]?.claim = replaced.claim
                ports[name]?.isSetAside = replaced.isSetAside
                ports[name]?.lostTo = replaced.lostTo
                ports[name]?.replaced = nil
                answer(.plug(port: name), .refused(refusal))
            } else {
                answer(.plug(port: name), .refused(refusal))
                forwarder.changedPorts.insert(name)
                if port.device == .present { emit(.removeDevice(port.specification, isOwned: port.isOwned)) }
                ports[name] = nil
            }
        }
    }

    mutating func answer(_ subject: Waiting.Subject, _ answer: Answer) {
        for entry in waiting where entry.subject == subject { emit(.answer(entry.ticket, answer)) }
        waiting.removeAll { $0.subject == subject }
    }
}
