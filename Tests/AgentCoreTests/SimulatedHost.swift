import AgentCore
import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import TestSupport
import Wire

/// A host: the agent's core, a forwarder's tables, a disk and devices, of which each can fail.
final class SimulatedHost {
    let name: String
    let encapIP: IPAddress
    private(set) var core: AgentCore
    var generator: SeededGenerator
    /// Which life of the agent this is; what an earlier life has asked for comes to nothing.
    private(set) var life = 0
    private var starts = 0

    // The files that outlive the agent.
    private(set) var portsFile: [UInt8] = StoredPorts(lastClaim: 100).fileBytes
    private(set) var shareFile: [UInt8]?
    private var shareText: ShareFile
    /// The file after each of the saves that are under way.
    private var savings: [[UInt8]] = []
    private(set) var devices: Set<String> = []
    var forwarder: SimulatedForwarder?
    /// The tables that the agent has compiled since its start.
    private(set) var tables: SimulatedTables?

    // The agent's orders, to be carried out by the simulation.
    private(set) var wakeAt: Duration?
    private(set) var highestClaim: UInt64 = 0
    private(set) var failure: String?

    init(name: String, octet: UInt32, seed: UInt64) throws {
        self.name = name
        shareText = ShareFile(chassis: name)
        encapIP = .v4(IPv4Address(0x0a7f_0000 + octet))
        generator = SeededGenerator(seed: seed)
        core = AgentCore(
            configuration: Self.configuration(name, encapIP, boot: 0),
            share: Share(),
            ports: try StoredPorts(fileBytes: portsFile)
        )
    }

    private static func configuration(_ name: String, _ encapIP: IPAddress, boot: Int) -> Configuration {
        Configuration(
            chassis: name,
            chassisID: "id-\(name)",
            bootID: "boot-\(boot)",
            version: "1",
            hostname: name,
            encapIP: encapIP,
            innerMTU: 1442,
            central: "http://central"
        )
    }

    /// The agent ends and begins anew from what is on disk.
    func restart() throws {
        life += 1
        starts += 1
        wakeAt = nil
        tables = nil
        tearShareFile()
        let share = try shareFile.map { try StoredShare(fileBytes: $0, chassis: name).share } ?? Share()
        core = AgentCore(
            configuration: Self.configuration(name, encapIP, boot: starts),
            share: share,
            ports: try StoredPorts(fileBytes: portsFile)
        )
    }

    /// Lets the core take an event; effects that need time come back, the others are carried out.
    func step(_ event: Event, now: Duration) -> [Effect] {
        if case .timer = event { wakeAt = nil }
        let effects = core.step(event, now: now, using: &generator)
        var late: [Effect] = []
        for effect in effects {
            switch effect {
            case .setTimer(let time): wakeAt = time
            case .sendSync(let sync):
                highestClaim = max(highestClaim, sync.ports.map(\.claim).max() ?? 0)
                late.append(effect)
            case .fail(let sentence, _): failure = sentence
            case .compile(let change):
                var next = change.isWhole ? SimulatedTables() : tables ?? SimulatedTables()
                next.apply(change)
                tables = next
            case .answer, .log, .ready, .releaseDevice, .announce, .guestsSettled, .measurePaths, .sendProbes: break
            default: late.append(effect)
            }
        }
        return late
    }

    func save(_ ports: StoredPorts) { portsFile = ports.fileBytes }

    /// Begins a save of the share, which takes some time. The one before is done, or it is of a life that is over.
    func begin(_ save: ShareSave) {
        let bytes = shareText.bytes(of: save)
        switch save {
        case .whole: savings.append(bytes)
        case .changes: savings.append((savings.last ?? shareFile ?? []) + bytes)
        }
    }

    /// Ends the first save that is under way; true if the next one is to be of the whole share.
    func finishSave() -> Bool {
        if !savings.isEmpty { shareFile = savings.removeFirst() }
        // Files are begun anew often here.
        return Int.random(in: 0..<4, using: &generator) == 0
    }

    /// A save that is under way when the agent is killed may be on disk, or not, or its later part is not.
    private func tearShareFile() {
        shareText = ShareFile(chassis: name)
        guard let next = savings.first else { return }
        savings = []
        let whole = shareFile ?? []
        if next.starts(with: whole), !whole.isEmpty {
            shareFile = Array(next[..<Int.random(in: whole.count...next.count, using: &generator)])
        } else if Bool.random(using: &generator) {
            shareFile = next
        }
    }

    func openDevice(_ port: PortSpecification, _ order: DeviceOrder) -> Result<Device, Problem> {
        let isThere = devices.contains(port.interface)
        if case .reopen = order, !isThere {
            return .failure(Problem(.conflict, code: "device_missing", detail: "gone"))
        }
        devices.insert(port.interface)
        return .success(Device(isOwned: true, mac: MACAddress(truncating: 2)))
    }

    func condition(of port: PortSpecification) -> DeviceCondition {
        devices.contains(port.interface) ? .present : .gone
    }

    func removeDevice(_ port: PortSpecification) { devices.remove(port.interface) }

    /// Returns the plugged ports by the files, with their states.
    func storedPorts() throws -> [String: String] {
        let stored = try StoredPorts(fileBytes: portsFile)
        return Dictionary(
            uniqueKeysWithValues: stored.ports.map { ($0.specification.name, $0.specification.logicalPort) }
        )
    }
}

/// Tables without rows: what they are compiled from.
struct SimulatedTables {
    private(set) var records: [RecordKey: Record] = [:]
    /// By logical port.
    private(set) var slots: [String: UInt16] = [:]
    private(set) var changeCount: UInt64 = 0

    mutating func apply(_ change: TableChange) {
        for record in change.records {
            switch record {
            case .put(let record): records[record.key] = record
            case .delete(let key): records[key] = nil
            case .patch(let patch): preconditionFailure("tables get whole records: \(patch)")
            }
        }
        slots = change.slots
        changeCount += 1
    }
}

/// A forwarder without packets: the real assembly of commits, and what it holds.
final class SimulatedForwarder {
    private(set) var assembly = CommitAssembly()
    private var tables = SimulatedTables()
    private(set) var held: Set<String> = []
    private(set) var holdsUnderlay = false
    let startedAt: Duration
    /// Why the agent's messages made no sense.
    private(set) var complaint: String?

    init(now: Duration) {
        startedAt = now
    }

    var inForce: HostState { assembly.inForce }
    var records: [RecordKey: Record] { tables.records }

    /// The logical ports by the names of the ports that they are.
    var ports: [String: String] {
        let logicalPorts = Dictionary(tables.slots.map { ($1, $0) }) { first, _ in first }
        return inForce.slots.compactMapValues { logicalPorts[$0] }
    }

    /// A new agent connects.
    func greet(_ encapIP: IPAddress) -> (Greeting, [HeldDescriptor], slots: [LocalPort]) {
        assembly.abandon()
        let descriptors = (holdsUnderlay ? [.underlay(encapIP)] : []) + held.sorted().map { HeldDescriptor.port($0) }
        let greeting = Greeting(
            version: ForwarderProtocol.version,
            processID: 1,
            epoch: inForce.epoch,
            revision: inForce.revision,
            heldCount: UInt32(descriptors.count)
        )
        return (greeting, descriptors, inForce.slots.map { LocalPort(name: $0, slot: $1) })
    }

    /// Takes messages; what it answers.
    /// - Parameter compiled: the agent's tables, told of at the end of a commit; `nil` if it has none.
    func take(_ orders: [ForwarderOrder], _ compiled: SimulatedTables?) -> [ForwarderMessage] {
        var answers: [ForwarderMessage] = []
        let before = inForce
        var riding: Set<String> = []
        for order in orders {
            switch order.descriptor {
            case .underlay?: holdsUnderlay = true
            case .learntMACs?, .connections?, .filterRecord?, nil: break
            case .port(let name)?: riding.insert(name)
            }
            do throws(CommitError) {
                if order.message == .commit, let compiled {
                    _ = try assembly.step(.tables(TablePlace(root: compiled.changeCount, length: 0)))
                    tables = compiled
                }
                if try assembly.step(order.message) != nil {
                    answers.append(.acknowledged(epoch: inForce.epoch, revision: inForce.revision))
                }
            } catch {
                complaint = "\(error)"
            }
        }
        let plugged = Set(inForce.slots.keys)
        held = held.intersection(plugged).union(riding)
        if held != plugged { complaint = "a port without a descriptor: \(plugged) but \(held)" }
        if Set(inForce.slots.values).count != plugged.count { complaint = "two ports in one slot: \(inForce.slots)" }
        let isSnapshot = orders.contains { if case .begin(_, _, isSnapshot: true) = $0.message { true } else { false } }
        if inForce.epoch == before.epoch, inForce.revision < before.revision, !isSnapshot {
            complaint = "went back in time"
        }
        return answers
    }
}
