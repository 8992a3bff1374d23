import ForwarderProtocol
import Southbound
import Testing
import Wire

@Suite struct TableAssemblyTests {
    private static let local = LocalChassis(name: "host-1", encapIP: Samples.v4, innerMTU: 1442)
    private static let port = LocalPort(name: "vm1", logicalPort: "ls1-vm1")

    private func binding(at chassis: String?, bindSeq: UInt64) -> Record {
        let places = chassis.map { [PortBinding.Location(chassis: $0, bindSeq: bindSeq)] } ?? []
        return .portBinding(Samples.port(1, at: places))
    }

    /// An assembly with a first snapshot in force: a port and its binding.
    private func started() throws -> TableAssembly {
        var assembly = TableAssembly()
        _ = try run(
            [
                .begin(epoch: 9, revision: 1, isSnapshot: true), .setLocalChassis(Self.local), .putPort(Self.port),
                .put(binding(at: "host-2", bindSeq: 1)), .commit,
            ],
            on: &assembly
        )
        return assembly
    }

    private func run(
        _ messages: [ForwarderMessage],
        on assembly: inout TableAssembly
    ) throws -> TableAssembly.Outcome? {
        var outcome: TableAssembly.Outcome?
        for message in messages { outcome = try assembly.step(message) ?? outcome }
        return outcome
    }

    @Test func `A commit puts all its changes into force at once`() throws {
        let assembly = try started()
        #expect(assembly.inForce.epoch == 9)
        #expect(assembly.inForce.revision == 1)
        #expect(assembly.inForce.localChassis == Self.local)
        #expect(assembly.inForce.ports == ["vm1": Self.port])
        #expect(assembly.inForce.records.count == 1)
    }

    @Test func `Nothing is in force before the commit, and an abandoned one leaves no trace`() throws {
        var assembly = try started()
        let before = assembly.inForce
        let outcome = try run(
            [.begin(epoch: 9, revision: 2, isSnapshot: true), .put(.datapathBinding(Samples.datapath))],
            on: &assembly
        )
        #expect(outcome == nil)
        #expect(assembly.inForce == before)
        assembly.abandon()
        #expect(throws: TableAssemblyError.outsideCommit) { try assembly.step(.commit) }
        #expect(assembly.inForce == before)
    }

    @Test func `A delta changes what it names`() throws {
        var assembly = try started()
        let outcome = try run(
            [
                .begin(epoch: 9, revision: 2, isSnapshot: false), .put(.datapathBinding(Samples.datapath)),
                .delete(binding(at: nil, bindSeq: 0).key), .deletePort(name: "vm1"), .commit,
            ],
            on: &assembly
        )
        #expect(outcome == .init(changesForwarding: true, removedPorts: ["vm1"]))
        #expect(Array(assembly.inForce.records.keys) == [.datapathBinding(Samples.datapathID)])
        #expect(assembly.inForce.ports.isEmpty)
    }

    @Test func `A snapshot with the same contents changes nothing on the wire`() throws {
        var assembly = try started()
        let outcome = try run(
            [
                .begin(epoch: 10, revision: 5, isSnapshot: true), .putPort(Self.port),
                .put(binding(at: "host-2", bindSeq: 1)), .commit,
            ],
            on: &assembly
        )
        #expect(outcome == .init(changesForwarding: false, removedPorts: []))
        #expect(assembly.inForce.epoch == 10)
        #expect(assembly.inForce.revision == 5)
    }

    @Test func `A snapshot drops what it does not name`() throws {
        var assembly = try started()
        let outcome = try run([.begin(epoch: 9, revision: 2, isSnapshot: true), .commit], on: &assembly)
        #expect(outcome == .init(changesForwarding: true, removedPorts: ["vm1"]))
        #expect(assembly.inForce.records.isEmpty)
    }

    @Test func `A delta needs tables of its epoch and not of a later revision`() throws {
        var fresh = TableAssembly()
        #expect(throws: TableAssemblyError.needsSnapshot) {
            try fresh.step(.begin(epoch: 0, revision: 0, isSnapshot: false))
        }
        for (epoch, revision) in [(UInt64(8), UInt64(2)), (9, 0)] {
            var assembly = try started()
            #expect(throws: TableAssemblyError.needsSnapshot) {
                try assembly.step(.begin(epoch: epoch, revision: revision, isSnapshot: false))
            }
        }
    }

    @Test func `Messages out of place are errors and forget the open commit`() throws {
        var assembly = try started()
        let misplaced: [([ForwarderMessage], TableAssemblyError)] = [
            ([.put(.datapathBinding(Samples.datapath))], .outsideCommit),
            (
                [.begin(epoch: 9, revision: 2, isSnapshot: true), .begin(epoch: 9, revision: 2, isSnapshot: true)],
                .commitIsOpen
            ),
            ([.heldEnd], .notForForwarder),
        ]
        for (messages, error) in misplaced {
            #expect(throws: error) { try run(messages, on: &assembly) }
            #expect(throws: TableAssemblyError.outsideCommit) { try assembly.step(.commit) }
        }
        var fresh = TableAssembly()
        #expect(throws: TableAssemblyError.needsLocalChassis) {
            try run([.begin(epoch: 1, revision: 1, isSnapshot: true), .commit], on: &fresh)
        }
    }

    @Test func `A host has 4096 ports and no more`() throws {
        var assembly = try started()
        _ = try assembly.step(.begin(epoch: 9, revision: 2, isSnapshot: true))
        for number in 0..<ForwarderProtocol.portCountMaximum {
            _ = try assembly.step(.putPort(LocalPort(name: "vm\(number)", logicalPort: "p\(number)")))
        }
        #expect(throws: TableAssemblyError.tooManyPorts) {
            try assembly.step(.putPort(LocalPort(name: "one-more", logicalPort: "p")))
        }
    }
}
