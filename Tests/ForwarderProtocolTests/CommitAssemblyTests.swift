import Testing
import Wire

@testable import ForwarderProtocol

@Suite struct CommitAssemblyTests {
    private static let tables = TablePlace(root: 16, length: 4096)
    private static let port = LocalPort(name: "vm1", slot: 3)
    private static let keys = [SipHashKey(low: 1, high: 2)]

    /// An assembly with a first snapshot in force: tables, a port and the keys with a host.
    private func started() throws -> CommitAssembly {
        var assembly = CommitAssembly()
        _ = try run(
            [
                .begin(epoch: 9, revision: 1, isSnapshot: true), .putPort(Self.port),
                .putTunnelKeys(address: Samples.v4, keys: Self.keys), .tables(Self.tables), .commit,
            ],
            on: &assembly
        )
        return assembly
    }

    private func run(
        _ messages: [ForwarderMessage],
        on assembly: inout CommitAssembly
    ) throws -> CommitAssembly.Outcome? {
        var outcome: CommitAssembly.Outcome?
        for message in messages { outcome = try assembly.step(message) ?? outcome }
        return outcome
    }

    @Test func `A commit puts all its changes into force at once`() throws {
        let assembly = try started()
        #expect(assembly.inForce.epoch == 9)
        #expect(assembly.inForce.revision == 1)
        #expect(assembly.inForce.tables == Self.tables)
        #expect(assembly.inForce.slots == ["vm1": 3])
        #expect(assembly.inForce.tunnelKeys == [Samples.v4: Self.keys])
    }

    @Test func `Nothing is in force before the commit, and an abandoned one leaves no trace`() throws {
        var assembly = try started()
        let before = assembly.inForce
        let outcome = try run(
            [.begin(epoch: 9, revision: 2, isSnapshot: true), .tables(TablePlace(root: 32, length: 4096))],
            on: &assembly
        )
        #expect(outcome == nil)
        #expect(assembly.inForce == before)
        assembly.abandon()
        #expect(throws: CommitError.outsideCommit) { try assembly.step(.commit) }
        #expect(assembly.inForce == before)
    }

    @Test func `A delta changes what it names`() throws {
        var assembly = try started()
        let next = TablePlace(root: 64, length: 8192)
        let outcome = try run(
            [
                .begin(epoch: 9, revision: 2, isSnapshot: false), .deletePort(name: "vm1"),
                .putTunnelKeys(address: Samples.v4, keys: []), .putTunnelKeys(address: Samples.v6, keys: Self.keys),
                .tables(next), .commit,
            ],
            on: &assembly
        )
        #expect(outcome == .init(changesForwarding: true, removedPorts: ["vm1"]))
        #expect(assembly.inForce.tables == next)
        #expect(assembly.inForce.slots.isEmpty)
        #expect(assembly.inForce.tunnelKeys == [Samples.v6: Self.keys])
    }

    @Test func `A snapshot with the same contents changes nothing on the wire`() throws {
        var assembly = try started()
        let outcome = try run(
            [
                .begin(epoch: 10, revision: 5, isSnapshot: true), .putPort(Self.port),
                .putTunnelKeys(address: Samples.v4, keys: Self.keys), .commit,
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
        #expect(assembly.inForce.tunnelKeys.isEmpty)
        #expect(assembly.inForce.tables == Self.tables)
    }

    @Test func `A delta needs a state of its epoch and not of a later revision`() throws {
        var fresh = CommitAssembly()
        #expect(throws: CommitError.needsSnapshot) {
            try fresh.step(.begin(epoch: 0, revision: 0, isSnapshot: false))
        }
        for (epoch, revision) in [(UInt64(8), UInt64(2)), (9, 0)] {
            var assembly = try started()
            #expect(throws: CommitError.needsSnapshot) {
                try assembly.step(.begin(epoch: epoch, revision: revision, isSnapshot: false))
            }
        }
    }

    @Test func `Messages out of place are errors and forget the open commit`() throws {
        var assembly = try started()
        let misplaced: [([ForwarderMessage], CommitError)] = [
            ([.tables(Self.tables)], .outsideCommit),
            (
                [.begin(epoch: 9, revision: 2, isSnapshot: true), .begin(epoch: 9, revision: 2, isSnapshot: true)],
                .commitIsOpen
            ),
            ([.heldEnd], .notForForwarder),
            ([.slots([])], .notForForwarder),
        ]
        for (messages, error) in misplaced {
            #expect(throws: error) { try run(messages, on: &assembly) }
            #expect(throws: CommitError.outsideCommit) { try assembly.step(.commit) }
        }
        var fresh = CommitAssembly()
        #expect(throws: CommitError.needsTables) {
            try run([.begin(epoch: 1, revision: 1, isSnapshot: true), .commit], on: &fresh)
        }
    }

    @Test func `A host has 4096 ports and no more`() throws {
        var assembly = try started()
        _ = try assembly.step(.begin(epoch: 9, revision: 2, isSnapshot: true))
        for number in 0..<ForwarderProtocol.portCountMaximum {
            _ = try assembly.step(.putPort(LocalPort(name: "vm\(number)", slot: 0)))
        }
        #expect(throws: CommitError.tooManyPorts) {
            try assembly.step(.putPort(LocalPort(name: "one-more", slot: 1)))
        }
    }
}
