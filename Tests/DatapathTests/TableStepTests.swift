import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Tables that were brought somewhere by steps are those that are compiled from scratch there.
@Suite struct TableStepTests {
    @Test("random edits: tables by steps are tables from scratch, and as good as the oracle", arguments: 0..<4)
    func steps(part: Int) {
        for seed in 0..<25 {
            var network = RandomNetwork(seed: UInt64(1000 * part + seed))
            guard var input = network.history().first else { continue }
            let tables = input.compile()
            for step in 0..<20 {
                let former = input
                network.editAnything(&input)
                // Past the second for which frames are taken from former places, which only steps know of.
                input.now += .seconds(2)
                input.update(tables, from: former, piece: step % 3 == 0 ? 1 : .max)
                var later = input
                later.now += .seconds(2)
                later.update(tables, from: input)
                input = later
                if step.isMultiple(of: 7) { tables.copyToNewFile() }
                let scratch = input.compile()
                let inPieces = Self.lines(of: input.compileInPieces())
                let difference =
                    Self.lines(of: tables).difference(from: Self.lines(of: scratch)).map(\.self)
                    + inPieces.difference(from: Self.lines(of: scratch))
                guard !difference.isEmpty else { continue }
                Issue.record("seed \(1000 * part + seed), step \(step): \(difference)\n\(input.ports)")
                return
            }
        }
    }

    private static func lines(of tables: ForwardingTables) -> [Substring] {
        Array(tables.description.split(separator: "\n").dropFirst())
    }

    @Test("what a poller still reads by stays as it was while changes are made and the file grows")
    func formerRoots() throws {
        var network = RandomNetwork(seed: 7)
        let input = try #require(network.history().first)
        let tables = input.compile()
        let frame = network.frame(from: 1)
        let mapped = try #require(MappedTables(tables.descriptor))
        let before = try #require(mapped.tables(root: tables.rootOffset, length: tables.byteCount))
        let expected = input.plugged.map { before.outcomes(of: frame, from: $0.slot) }
        var next = input
        for _ in 0..<400 {
            let former = next
            network.editAnything(&next)
            next.update(tables, from: former)
        }
        #expect(input.plugged.map { before.outcomes(of: frame, from: $0.slot) } == expected)
    }

    @Test("a file does not grow without end: what nothing refers to is left behind")
    func garbage() {
        var host = TableInput(localChassis: "hv1", localEncap: TestHost.encap(1), innerMTU: 1442)
        host.datapaths = [DatapathBinding(id: TestHost.switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false)]
        host.ports = (1...100).map { TestHost.vm($0, at: "hv1") }
        let tables = host.compile()
        var hasCopied = false
        var longest = 0
        for step in 0..<4000 {
            let descriptor = tables.descriptor
            let port = TestHost.vm(step % 100 + 1, at: step.isMultiple(of: 2) ? "hv1" : "hv2")
            tables.apply([.put(.portBinding(port))], now: .zero)
            hasCopied = hasCopied || tables.descriptor != descriptor
            longest = max(longest, tables.byteCount)
        }
        #expect(hasCopied && longest <= 2 * 200_000 + 2 * ForwardingTables.garbageByteCountMaximum)
    }

    @Test("a change raises the generation of its port and datapath, and of no other")
    func generations() throws {
        var other = TestHost.vm(9, at: "hv1")
        other.datapath = ObjectID(high: 9, low: 9)
        var input = TableInput(localChassis: "hv1", localEncap: TestHost.encap(1), innerMTU: 1442)
        input.datapaths = [
            DatapathBinding(id: TestHost.switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false),
            DatapathBinding(id: other.datapath, name: "ls2", tunnelKey: 6, vlanPassthru: false),
        ]
        input.ports = [TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), other]
        let tables = input.compile()
        func generations() throws -> [UInt32] {
            let view = tables.view
            let datapaths = try [5, 6].map { try #require(view.datapath(vni: $0)) }
            let ports = try [1, 2].map { try #require(view.port(key: $0, in: datapaths[0])) }
            return datapaths.map(\.pointee.generation) + ports.map(\.pointee.generation)
        }
        let first = try generations()
        var port = input.ports[1]
        port.portSecurity = [PortSecurityEntry(mac: TestHost.mac(2))]
        tables.apply([.put(.portBinding(port))], now: .zero)
        let second = try generations()
        #expect(second[..<3] == first[..<3] && second[3] == UInt32(tables.epoch))
        port.addresses = []
        tables.apply([.put(.portBinding(port))], now: .zero)
        let third = try generations()
        #expect(third[0] == UInt32(tables.epoch) && third[1] == first[1] && third[2] == first[2])
    }

    @Test("a VNI that two datapaths claim is the lower one's, and goes to the other with it")
    func contestedVNI() {
        let twin = ObjectID(high: 9, low: 9)
        var port = TestHost.vm(2, at: "hv1")
        port.datapath = twin
        var input = TableInput(localChassis: "hv1", localEncap: TestHost.encap(1), innerMTU: 1442)
        input.datapaths = [
            DatapathBinding(id: twin, name: "twin", tunnelKey: 5, vlanPassthru: false),
            DatapathBinding(id: TestHost.switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false),
        ]
        input.ports = [TestHost.vm(1, at: "hv1"), port]
        input.plugged = [Device(logicalPort: "vm1", slot: 0), Device(logicalPort: "vm2", slot: 1)]
        let tables = input.compile()
        #expect(tables.view.isBound(slot: 0) && !tables.view.isBound(slot: 1))
        tables.apply([.delete(.datapathBinding(TestHost.switchID))], now: .zero)
        #expect(!tables.view.isBound(slot: 0) && tables.view.isBound(slot: 1))
    }

    @Test("a file that is no one of tables, or shorter than was said, is not mapped")
    func mapping() throws {
        let tables = TableInput(localChassis: "hv1", localEncap: TestHost.encap(1), innerMTU: 1442).compile()
        #expect(MappedTables(-1) == nil)
        #expect(MappedTables(0) == nil)
        let mapped = try #require(MappedTables(tables.descriptor))
        for root in [0, -16, 8, tables.byteCount, tables.byteCount - 8, .max - 15] {
            #expect(mapped.tables(root: root, length: tables.byteCount) == nil, "\(root)")
        }
        #expect(mapped.tables(root: tables.rootOffset, length: mapped.byteCount + 1) == nil)
    }
}
