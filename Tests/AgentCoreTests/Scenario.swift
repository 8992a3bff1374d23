import ForwarderProtocol
import HTTP
import HTTPTypes
import JSON
import Southbound
import TestSupport
import Wire

@testable import AgentCore

/// Drives a core by hand and writes down what goes in and what comes out.
struct Scenario {
    var core: AgentCore
    var now = Duration.zero
    var transcript = ""
    /// True if the transcript has what is asked of the kernel about paths: it is, in any story, but few are about that.
    var showsMeasurements = false
    private var generator = SeededGenerator(seed: 1)

    static let epoch: UInt64 = 0xabc

    init(
        configuration: Configuration = Scenario.configuration,
        share: Share = Share(),
        innerMTU: Int? = nil,
        ports: StoredPorts = StoredPorts(lastClaim: 0)
    ) {
        core = AgentCore(configuration: configuration, share: share, innerMTU: innerMTU, ports: ports)
    }

    static let configuration = Configuration(
        chassis: "hv1",
        chassisID: "id-1",
        bootID: "boot-1",
        version: "1.0",
        hostname: "host1",
        encapIP: .v4(IPv4Address(0x0a7f_0003)),
        innerMTU: 1442,
        central: "http://central:6642"
    )

    /// Starts and connects to a fresh forwarder, so that the first sync goes out.
    mutating func start() {
        step("the agent starts", .started)
        step("a fresh forwarder connects", .forwarderConnected(Self.greeting(), held: [], wasSpawned: true))
        step("the forwarder has it in force", .forwarderSaid(.acknowledged(epoch: 0, revision: 0)))
    }

    /// Starts, and lets central answer with a snapshot that the forwarder takes.
    mutating func reachSteadyState(_ answer: FeedAnswer) {
        start()
        step("central answers with a snapshot", .syncAnswered(sequence: 1, answer))
        step(
            "the forwarder has it in force",
            .forwarderSaid(.acknowledged(epoch: answer.epoch, revision: answer.to))
        )
    }

    @discardableResult
    mutating func step(_ story: String, _ event: Event, after delay: Duration = .milliseconds(1)) -> [Effect] {
        now += delay
        let effects = core.step(event, now: now, using: &generator)
        transcript += "\(milliseconds(now)) ms: \(story)\n"
        for effect in effects {
            if case .measurePaths = effect, !showsMeasurements { continue }
            transcript += "    \(describe(effect))\n"
        }
        return effects
    }

    static func greeting(epoch: UInt64 = 0, revision: UInt64 = 0, version: UInt16 = ForwarderProtocol.version)
        -> Greeting
    {
        Greeting(version: version, processID: 77, epoch: epoch, revision: revision, heldCount: 0)
    }

    static func snapshot(to revision: UInt64, _ records: [Record], epoch: UInt64 = Scenario.epoch) -> FeedAnswer {
        let changes = records.map { FeedChange(revision: revision, change: .put($0)) }
        return FeedAnswer(epoch: epoch, from: 0, to: revision, mode: .snapshot, changes: changes)
    }

    static func delta(
        from: UInt64,
        to: UInt64,
        _ changes: [RecordChange] = [],
        next: FeedPage? = nil
    ) -> FeedAnswer {
        let changes = changes.map { FeedChange(revision: to, change: $0) }
        return FeedAnswer(epoch: epoch, from: from, to: to, mode: .delta, changes: changes, nextPage: next)
    }

    static func specification(_ name: String, _ logicalPort: String) -> PortSpecification {
        PortSpecification(
            name: name,
            logicalPort: logicalPort,
            interface: name,
            netns: name,
            mac: MACAddress(truncating: 0x02_ac10_ff00_11),
            addresses: [IPPrefix("172.16.255.11/24")].compactMap { $0 }
        )
    }
}

/// Records of a small network: ls1 with ports vm1 and vm2, chassis hv1 and hv2.
enum Sample {
    static let hv1 = chassis("hv1", 3)
    static let hv2 = chassis("hv2", 4)
    static let ls1 = Record.datapathBinding(
        DatapathBinding(id: ObjectID(high: 1, low: 1), name: "ls1", tunnelKey: 1, vlanPassthru: false)
    )

    static func chassis(_ name: String, _ octet: UInt32) -> Record {
        .chassis(
            Chassis(
                name: name,
                chassisID: "id-\(name)",
                hostname: name,
                encaps: [Encap(ip: .v4(IPv4Address(0x0a7f_0000 + octet)))]
            )
        )
    }

    /// The binding of logical port vmN, on a chassis with a fence or nowhere.
    static func port(_ number: UInt16, on chassis: String? = nil, fence: UInt64 = 1) -> Record {
        .portBinding(
            PortBinding(
                id: ObjectID(high: 2, low: UInt64(number)),
                logicalPort: "vm\(number)",
                datapath: ObjectID(high: 1, low: 1),
                tunnelKey: number,
                addresses: [PortAddress(mac: MACAddress(truncating: 0x02_ac10_ff00_00 + UInt64(number) * 0x11))],
                locations: chassis.map { [PortBinding.Location(chassis: $0, bindSeq: fence)] } ?? []
            )
        )
    }
}

func milliseconds(_ duration: Duration) -> Int64 { Int64(duration / .milliseconds(1)) }

func describe(_ effect: Effect) -> String {
    switch effect {
    case .reply(let query): return "reply to question \(query.id) about \(query.subject)"
    case .announce(let frames): return "announce \(frames.count) frames to \(Set(frames.map(\.wire)).sorted())"
    case .sendSync(let sync):
        let page = sync.page.map { " page \($0)" } ?? ""
        let ports = sync.ports.map { "\($0.logicalPort)#\($0.claim)\($0.isUp ? " up" : "")" }.joined(separator: ", ")
        let errors = sync.errors.map { " error: \($0.logicalPort): \($0.detail)" }.joined()
        let held =
            (sync.held.map { " holding \(hexadecimal($0.epoch).suffix(3))/\($0.revision)" } ?? "")
            + (sync.isLeaving ? " leaving" : "")
        let epoch = sync.epoch.map { hexadecimal($0).suffix(3) } ?? "-"
        return "sync \(sync.seq): since \(epoch)/\(sync.since)\(page), applied \(sync.applied), wait \(sync.wait), "
            + "ports [\(ports)]\(errors)\(held)"
    case .startForwarder: return "start the forwarder"
    case .replaceForwarder(let process): return "end the forwarder, process \(process)"
    case .compile(let change):
        let slots = change.slots.sorted { $0.key < $1.key }.map { "\($0) in slot \($1)" }
        return "compile\(change.isWhole ? " from scratch" : "") for MTU \(change.innerMTU):"
            + (change.records.map(describe) + slots).map { "\n        \($0)" }.joined()
    case .forward(let orders): return "forward:" + orders.map { "\n        \(describe($0))" }.joined()
    case .openDevice(let port, let order): return "open the device of \(port.name): \(order)"
    case .checkDevices(let places):
        let texts = places.map { "\($0.name)\($1.isPinned ? " (pinned)" : "")" }
        return "look at the devices of \(texts.sorted().joined(separator: ", "))"
    case .releaseDevice(let name): return "release the device of \(name)"
    case .guestsSettled(let names): return "the guests of \(names.sorted().joined(separator: ", ")) go on"
    case .removeDevice(let port, let isOwned): return "remove the device of \(port.name)\(isOwned ? "" : " (not ours)")"
    case .savePorts(let ports, let save):
        let texts = ports.ports.map { port in
            let lost = port.lostTo.map { " lost to \($0)" } ?? ""
            return "\(port.specification.name)#\(port.claim)\(lost)\(port.isLeaving ? " leaving" : "")"
        }
        return "save \(save) of the ports: [\(texts.joined(separator: ", "))]"
    case .saveShare(.whole(let share)): return "save the share at \(describe(share.mark))"
    case .saveShare(.changes(let changes, let mark)):
        let texts = changes.map { "\n        \(describe($0))" }
        return "save the share's changes up to \(describe(mark)):\(texts.joined())"
    case .measurePaths(let addresses):
        return "measure the paths to [\(addresses.map(\.description).joined(separator: ", "))]"
    case .sendProbes(let probes):
        return "probe " + probes.map { "\($0.address) by \($0.byteCount)" }.joined(separator: ", ")
    case .openCapture(let ticket, let request, let logicalPort):
        return "open capture \(ticket) of \(request.port), \(logicalPort)"
    case .beginCapture(let ticket): return "begin capture \(ticket)"
    case .endCapture(let ticket, let problem): return "end capture \(ticket): \(problem?.code ?? "done")"
    case .answer(let ticket, let answer): return "answer \(ticket): \(describe(answer))"
    case .setTimer(let time): return "timer: \(time.map { "\(milliseconds($0)) ms" } ?? "none")"
    case .log(let level, let text): return "log \(level): \(text)"
    case .ready: return "ready"
    case .fail(let sentence, let stopsForwarder):
        return "fail\(stopsForwarder ? " and stop the forwarder" : ""): \(sentence)"
    }
}

private func describe(_ answer: Answer) -> String {
    switch answer {
    case .port(let report): "\(report.specification.name) \(report.state): \(report.detail)"
    case .accepted(let epoch, let revision): "accepted \(hexadecimal(epoch).suffix(3))/\(revision)"
    case .ports(let reports, _, _, let held):
        (held.map { "held \($0.pluggedPortCount)/\($0.portCount) " } ?? "") + "["
            + reports.map { "\($0.specification.name) \($0.state): \($0.detail)" }.joined(separator: "; ") + "]"
    case .status: "status"
    case .learntMACs(let macs): "\(macs.count) MACs"
    case .connections(let connections, let next): "\(connections.count) connections, then \(next ?? 0)"
    case .filterCounters(let counters): "\(counters.count) counters of ACLs"
    case .multicastGroups: "multicast groups"
    case .forgotten(let count): "\(count) forgotten"
    case .deleted: "gone"
    case .refused(let refusal): "\(refusal.status.code) \(refusal.code): \(refusal.detail)"
    }
}

private func describe(_ order: ForwarderOrder) -> String {
    let ride = order.descriptor.map { " with the descriptor of \($0)" } ?? ""
    return switch order.message {
    case .begin(let epoch, let revision, let isSnapshot):
        "begin \(isSnapshot ? "snapshot" : "delta") \(hexadecimal(epoch).suffix(3))/\(revision)"
    case .tables(let place): "tables at \(place.root)"
    case .putTunnelKeys(let address, let keys): "put \(keys.count) keys with \(address)"
    case .underlay(let address): "underlay \(address)\(ride)"
    case .putPort(let port): "put port \(port.name) in slot \(port.slot)\(ride)"
    case .deletePort(let name): "delete port \(name)"
    case .commit: "commit"
    case .beginCapture(let order): "capture \(order.port) as \(order.number)"
    case .endCapture(let number): "end capture \(number)"
    case .sendingRates(let rates):
        "rates \(rates.map { "\($0.port) \($0.bitsPerSecond)/\($0.burstBits)/\($0.framesPerSecond)" })"
    case .mirrors(let orders): "mirror [\(orders.map { "\($0.ports) to \($0.sink)" }.joined(separator: ", "))]"
    case .requestStatistics: "tell your counters"
    case .pathMTU(let path): "\(path.mtu) bytes go to \(path.address)" + (path.isFound ? ", as was found" : " at most")
    case .greeting, .held, .heldEnd, .slots, .acknowledged, .portFailed, .statistics, .pathRefused,
        .capturing, .virtualClaimed, .membersReported, .learntMACs, .connections, .portActivated,
        .filterRecord:
        "?"
    }
}

private func describe(_ mark: ShareMark) -> String { "\(hexadecimal(mark.epoch).suffix(3))/\(mark.revision)" }

private func describe(_ change: RecordChange) -> String {
    switch change {
    case .put(let record): "put \(record.key.kind) \(name(of: record))"
    case .delete(let key): "delete \(key.kind) \(key.id)"
    case .patch(let patch): "patch \(change.key.kind) \(change.key.id), \(patch.memberCount) members"
    }
}

private func name(of record: Record) -> String {
    switch record {
    case .chassis(let chassis): chassis.name
    case .datapathBinding(let datapath): datapath.name
    case .portBinding(let port):
        port.logicalPort + (port.locations.first.map { " on \($0.chassis)/\($0.bindSeq)" } ?? "")
    case .dhcpResponder, .dnsResponder, .mirrorSession: record.key.id
    }
}
