import ForwarderProtocol
import Reactor
import Southbound
import Testing
import Wire

@testable import Agent
@testable import AgentCore
@testable import Datapath

@Suite struct HostTablesTests {
    private static let configuration = Configuration(
        chassis: "hv1",
        chassisID: "id",
        bootID: "boot",
        version: "1",
        hostname: "hv1",
        encapIP: .v4(IPv4Address(0x0a7f_0003)),
        innerMTU: 1442,
        central: "http://central"
    )

    private static func port(_ number: Int, isEnabled: Bool = true) -> RecordChange {
        .put(
            .portBinding(
                PortBinding(
                    id: ObjectID(high: 2, low: UInt64(number)),
                    logicalPort: "p\(number)",
                    datapath: ObjectID(high: 1, low: 1),
                    tunnelKey: UInt16(number),
                    isEnabled: isEnabled,
                    locations: [PortBinding.Location(chassis: "hv1", bindSeq: 1)]
                )
            )
        )
    }

    private static func change(isWhole: Bool, _ records: [RecordChange]) -> TableChange {
        TableChange(isWhole: isWhole, records: records, slots: ["p1": 0], innerMTU: 1442)
    }

    /// The tables that the forwarder is told of, and what they live as long as.
    private static func told(by tables: HostTables) throws -> (memory: MappedTables, view: Tables) {
        let news = try #require(try tables.takeNews().last)
        guard case .tables(let place) = news.message else { throw AgentFailure("no tables but \(news.message)") }
        let file = try #require(news.descriptors.first)
        let memory = try #require(MappedTables(file.raw))
        return (memory, try #require(memory.tables(root: Int(place.root), length: Int(place.length))))
    }

    @Test func largeTablesAreCompiledInPiecesAndAChangeMeanwhileComesAfterThem() throws {
        let tables = HostTables(configuration: Self.configuration, keyring: nil)
        let datapath = DatapathBinding(id: ObjectID(high: 1, low: 1), name: "ls", tunnelKey: 5, vlanPassthru: false)
        // The ports come before their switch, as they might.
        let records = (1...2500).map { Self.port($0) } + [.put(.datapathBinding(datapath))]
        tables.compile(Self.change(isWhole: true, records), now: .zero)
        #expect(tables.isCompiling)
        tables.compile(Self.change(isWhole: false, [Self.port(1, isEnabled: false)]), now: .zero)
        var count = 0
        while tables.isCompiling {
            tables.goOn(now: .zero)
            count += 1
        }
        #expect(count == 2)
        let (memory, view) = try Self.told(by: tables)
        defer { withExtendedLifetime(memory) {} }
        let switch1 = try #require(view.datapath(vni: 5))
        #expect((1...2500).allSatisfy { view.port(key: UInt16($0), in: switch1) != nil })
        #expect(view.port(atSlot: 0)?.pointee.key == 1)
        #expect(view.port(key: 1, in: switch1)?.pointee.flags.contains(.enabled) == false)
        // Nothing is told twice.
        #expect(try tables.takeNews().isEmpty)
    }

    @Test func wholeTablesTakeThePlaceOfThoseThatAreBeingCompiled() throws {
        let tables = HostTables(configuration: Self.configuration, keyring: nil)
        tables.compile(Self.change(isWhole: true, (1...2500).map { Self.port($0) }), now: .zero)
        tables.compile(Self.change(isWhole: true, [Self.port(1)]), now: .zero)
        #expect(!tables.isCompiling)
        let (memory, view) = try Self.told(by: tables)
        withExtendedLifetime(memory) { #expect(view.datapath(vni: 5) == nil) }
    }
}
