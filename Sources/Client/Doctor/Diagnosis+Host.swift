import AgentCore
import Glibc
import JSON
import Netdev
import Wire

extension Diagnosis {
    /// A finding about a network of central's that the agent holds back.
    func held(_ status: JSONValue) -> [Finding] {
        guard let text = status["held"]?.heldText else { return [] }
        return [
            .failed(
                "held",
                text,
                remedy: "put central back to what it was; if it is right, 'heddle agent accept' here, or for all hosts "
                    + "'heddle central restore --force-hosts' there"
            )
        ]
    }

    var forwarder: [Finding] {
        guard facts.expectsAgent else { return [] }
        guard mayLook else { return [.skipped("forwarder", "only root can see if one runs")] }
        guard let running = facts.forwarderProcess else {
            let byAgent =
                facts.status == nil ? "start the agent, which starts it" : "\(log(of: "agent")) says why none comes up"
            let remedy = facts.hasUnits ? revival(of: "forwarder", facts.ends.forwarder) : byAgent
            return [
                .failed(
                    "forwarder",
                    "none runs; packets of this host's ports go nowhere" + story(of: facts.ends.forwarder),
                    remedy: remedy
                )
            ]
        }
        let process = running.number
        guard !running.isStopped else {
            return [
                .failed(
                    "forwarder",
                    "process \(process) is stopped; packets of this host's ports go nowhere",
                    remedy: "'kill -CONT \(process)' continues it"
                )
            ]
        }
        guard let status = facts.status else {
            return [.fine("forwarder", "process \(process) forwards by the tables that it received last")]
        }
        let applied = status["forwarder"]?["applied"]?.integerValue ?? 0
        let wanted = status["share"]?["revision"]?.integerValue ?? 0
        guard status["forwarder"]?["running"]?.boolValue == true else {
            return [
                .failed(
                    "forwarder",
                    "process \(process) runs, but the agent is not in touch with it",
                    remedy: "\(log(of: "agent")) says why; "
                        + "\(facts.hasUnits ? start("forwarder") : "'kill \(process)'") gives it another one"
                )
            ]
        }
        guard applied >= wanted else {
            return [
                .warning(
                    "forwarder",
                    "process \(process) has the tables of revision \(applied), the agent knows \(wanted)",
                    remedy: "run this again; if it stays behind, see \(log(of: "agent"))"
                )
            ]
        }
        return [.fine("forwarder", "process \(process) has the tables of revision \(applied)")]
    }

    var ports: [Finding] {
        guard let ports = facts.status?["ports"], let plugged = ports["plugged"]?.integerValue,
            let up = ports["up"]?.integerValue
        else { return [] }
        guard up >= plugged else {
            return [
                .warning(
                    "ports",
                    "\(plugged - up) of \(plugged) plugged ports are not up\(downPortText)",
                    remedy: "'heddle port list' says why; 'heddle describe port NAME' says what to do"
                )
            ]
        }
        return [.fine("ports", "\(plugged) plugged, all of them up")]
    }

    /// Findings about the devices that lead to physical networks.
    var wires: [Finding] {
        guard !facts.wires.isEmpty else { return [] }
        let findings = facts.wires.compactMap { wire -> Finding? in
            switch wire.state {
            case .connected: return nil
            case .silent:
                return .failed(
                    "wire",
                    "\(wire.device), which leads to \(wire.network), is off or unplugged",
                    remedy: "'ip link set \(wire.device) up'; if it is on, check the cable or the virtual switch"
                )
            case .missing:
                return .failed(
                    "wire",
                    "there is no device \(wire.device), which is to lead to \(wire.network)",
                    remedy: "make it, and it is used at once; or name another one: 'heddle agent --physical-network "
                        + "\(wire.network)=DEVICE'"
                )
            }
        }
        let names = facts.wires.map { "\($0.network) by \($0.device)" }.joined(separator: ", ")
        return findings.isEmpty ? [.fine("wire", names)] : findings
    }

    /// The first ports that are not up, and why.
    private var downPortText: String {
        let texts = facts.downPorts.prefix(Self.downPortCountMaximum).map { port in
            "\(port.text("name")) (\(port.text("logical_port"))): \(port.text("detail"))"
        }
        let more = facts.downPorts.count - texts.count
        return texts.isEmpty ? "" : ": " + texts.joined(separator: "; ") + (more > 0 ? "; and \(more) more" : "")
    }

    /// The most ports that a finding names: who has more wants the list.
    static let downPortCountMaximum = 3

    var underlay: [Finding] {
        guard facts.expectsAgent else { return [] }
        guard !facts.isElsewhere else {
            return [.skipped("underlay", "the agent is in another network namespace; run this there")]
        }
        guard let status = facts.status, let encapIP = facts.encapIP else { return tunnelPortWithoutAgent }
        guard let mtu = facts.underlayMTU else {
            return [
                .failed(
                    "underlay",
                    "no device of this host has the encap address \(encapIP) any more",
                    remedy: "give it back with 'ip addr add', or restart the agent with another --encap-ip"
                )
            ]
        }
        guard facts.isUnderlayUp else {
            return [
                .failed(
                    "underlay",
                    "the device of \(encapIP) is off or unplugged",
                    remedy: "'ip link set DEVICE up'; if it is on, check the cable or the virtual switch"
                )
            ]
        }
        let first = innerMTU(status, encapIP: encapIP, underlayMTU: mtu)
        return [first] + tunnelPort(encapIP) + paths(isMTUWrong: first.needsAttention)
    }

    /// True if a firewall of this host keeps tunnels out.
    private func tunnelPort(_ encapIP: IPAddress) -> [Finding] {
        let detail: String
        switch facts.ownPort {
        case .unknown, .open: return []
        case .silent: detail = "datagrams to UDP port 6081 of \(encapIP) do not reach the forwarder"
        case .refused(let reason): detail = "datagrams to UDP port 6081 of \(encapIP) are refused: \(reason)"
        }
        return [
            .failed(
                "underlay",
                detail,
                remedy: "let them through this host's firewall: 'nft list ruleset' shows it"
            )
        ]
    }

    /// True if what guests may send still fits into what the underlay's device carries.
    private func innerMTU(_ status: JSONValue, encapIP: IPAddress, underlayMTU: Int) -> Finding {
        let told = Int(status["inner_mtu"]?.integerValue ?? 0)
        guard let fitting = Configuration.innerMTU(underlayMTU: underlayMTU, encapIP: encapIP) else {
            return .failed(
                "underlay",
                "the device of \(encapIP) has an MTU of \(underlayMTU), too small for tunnels",
                remedy: "raise it with 'ip link set DEVICE mtu 1500'"
            )
        }
        guard fitting == told else {
            return .warning(
                "underlay",
                "the device of \(encapIP) now has an MTU of \(underlayMTU), which leaves \(fitting) bytes to guests, "
                    + "but the agent says \(told)",
                remedy: "run this again; if it stays so, restart the agent: 'systemctl restart heddle-agent'"
            )
        }
        return .fine("underlay", "\(encapIP), MTU \(underlayMTU), which leaves \(told) to guests")
    }

    private var tunnelPortWithoutAgent: [Finding] {
        // An agent that waits to join has it already.
        guard facts.forwarderProcess == nil, facts.agentProcess == nil, mayLook else { return [] }
        guard facts.isTunnelPortTaken else { return [.fine("underlay", "UDP port 6081 is free")] }
        return [
            .failed(
                "underlay",
                "UDP port 6081 is taken, though no forwarder runs",
                remedy: "see who has it with 'ss -ulnp sport = 6081' and stop it; Open vSwitch's kernel module may"
            )
        ]
    }

    /// True if packets of the size that is said to get there reach the other chassis.
    private func paths(isMTUWrong: Bool) -> [Finding] {
        if let reason = facts.peersUnknown { return [.skipped("path", "the other chassis are not known: \(reason)")] }
        var findings = facts.otherFamilies.map { peer in
            Finding.failed(
                "path",
                "\(peer.chassis) has no address of this host's family for tunnels, but \(peer.address): nothing passes "
                    + "between them",
                remedy: "give all hosts an --encap-ip of one family"
            )
        }
        for peer in facts.peers {
            let name = "\(peer.chassis) (\(peer.address))"
            let size = peer.byteCount
            if let reason = peer.portRefusal {
                findings.append(
                    .failed(
                        "path",
                        "\(name) refuses datagrams to UDP port 6081: \(reason)",
                        remedy: "run 'heddle doctor' there: its forwarder does not run, or a firewall is in the way"
                    )
                )
                continue
            }
            switch peer.outcome {
            case .carriesAll: break
            // Mended with the MTU of this host.
            case .carriesSmallOnly where isMTUWrong: break
            case .carriesSmallOnly:
                findings.append(
                    .failed(
                        "path",
                        "\(name) answers small packets, but none of \(size) bytes: big packets of guests vanish",
                        remedy: peer.pathState == "assumed"
                            ? "let every device on the way carry \(size) bytes, or upgrade Heddle there: then this "
                                + "host finds out by itself how much comes through"
                            : "run this again in half a minute; if it stays so, let every device on the way carry "
                                + "\(size) bytes"
                    )
                )
            // Only pings are blocked: the forwarders answer each other.
            case .silent where peer.pathState == "found": break
            case .silent:
                findings.append(
                    .warning(
                        "path",
                        "\(name) does not answer pings",
                        remedy: "check that it runs and is reachable; if only pings are blocked, ignore this"
                    )
                )
            case .failed(let reason):
                findings.append(
                    .failed(
                        "path",
                        "\(name) cannot be reached: \(reason)",
                        remedy: "check this host's routes: 'ip route'"
                    )
                )
            }
        }
        guard findings.isEmpty, !isMTUWrong, !facts.peers.isEmpty else { return findings }
        return mutes + [.fine("path", pathText)]
    }

    /// The chassis whose forwarders answer no probes.
    private var mutes: [Finding] {
        let names = facts.peers.filter { $0.pathState == "assumed" }.map { "\($0.chassis) (\($0.address))" }
        guard !names.isEmpty else { return [] }
        return [
            .warning(
                "path",
                "no probes of this host are answered by \(names.joined(separator: ", ")): the path's MTU is taken from "
                    + "this host's routes",
                remedy: "upgrade Heddle there, or let datagrams from UDP port 6081 through to this host"
            )
        ]
    }

    /// The MTU to each chassis, for people.
    private var pathText: String {
        let sizes = Set(facts.peers.map(\.byteCount)).sorted(by: >)
        let start = "\(facts.peers.count) other chassis answer packets of "
        guard sizes.count > 1 else { return start + "\(sizes.first ?? 0) bytes" }
        let texts = sizes.map { size in
            let names = facts.peers.filter { $0.byteCount == size }.map(\.chassis)
            return "\(size) bytes (\(names.joined(separator: ", ")))"
        }
        return start + texts.joined(separator: ", ")
    }

    /// Findings about the kernel and its device files.
    var host: [Finding] {
        var findings: [Finding] = []
        switch facts.tunDevice {
        case .usable: findings.append(.fine("tun", "/dev/net/tun can be opened"))
        case .closed(let user) where facts.expectsAgent:
            let detail = "/dev/net/tun cannot be opened by \(user), which the agent runs as"
            findings.append(.failed("tun", detail, remedy: "'chmod 666 /dev/net/tun', as udev has it on hosts"))
        case .closed: findings.append(.fine("tun", "/dev/net/tun can be opened"))
        case .unusable(let errno) where facts.expectsAgent && (facts.isRoot || errno != EACCES):
            let remedy =
                errno == ENOENT
                ? "'modprobe tun'; in a container, pass the device in (--device /dev/net/tun)"
                : "as root: 'modprobe tun' and 'ls -l /dev/net/tun'"
            findings.append(.failed("tun", "/dev/net/tun cannot be opened: \(errorText(errno))", remedy: remedy))
        case .unusable(let errno):
            findings.append(.skipped("tun", "/dev/net/tun cannot be opened: \(errorText(errno))"))
        }
        guard let kernel = facts.kernel else {
            return findings + [.skipped("kernel", "only root can see what it supports")]
        }
        var missing: [String] = []
        if !kernel.takesTCPSuperpackets { missing.append("TCP superpackets of TAPs") }
        if !kernel.sendsTrains { missing.append("UDP_SEGMENT") }
        if !kernel.receivesTrains { missing.append("UDP_GRO") }
        guard missing.isEmpty else {
            let list = missing.joined(separator: ", ")
            findings.append(
                .warning(
                    "kernel",
                    "it lacks \(list); frames go one by one, at a fraction of the speed",
                    remedy: "run Linux 5.0 or newer"
                )
            )
            return findings
        }
        let datagrams = kernel.takesUDPSuperpackets ? "TCP and UDP" : "TCP (UDP needs Linux 6.2)"
        return findings + [.fine("kernel", "superpackets of \(datagrams), UDP_SEGMENT, UDP_GRO")]
    }

    func errorText(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}
