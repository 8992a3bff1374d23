import Datapath
import Southbound
import Wire

/// A device of this host in the slot of a forwarder.
struct Device {
    var logicalPort: String
    var slot: UInt16
}

/// All that forwarding tables are compiled from, at one time.
struct TableInput {
    var localChassis: String
    var localEncap: IPAddress
    var innerMTU: Int
    var chassis: [Chassis] = []
    var datapaths: [DatapathBinding] = []
    var ports: [PortBinding] = []
    var dhcpResponders: [DHCPResponder] = []
    var dnsResponders: [DNSResponder] = []
    var plugged: [Device] = []
    /// All that members of multicast groups have reported; of a switch that is not named, nothing.
    var members: [MembershipChange] = []
    var now = Duration.zero
    var hashSeed: UInt64 = 0

    init(localChassis: String, localEncap: IPAddress, innerMTU: Int) {
        self.localChassis = localChassis
        self.localEncap = localEncap
        self.innerMTU = innerMTU
    }

    var records: [RecordKey: Record] {
        let all =
            chassis.map { Record.chassis($0) } + datapaths.map { .datapathBinding($0) }
            + ports.map { .portBinding($0) } + dhcpResponders.map { .dhcpResponder($0) }
            + dnsResponders.map { .dnsResponder($0) }
        return Dictionary(all.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Of two for one logical port the later is the port's.
    private var slots: [String: UInt16] {
        Dictionary(plugged.map { ($0.logicalPort, $0.slot) }, uniquingKeysWith: { $1 })
    }

    /// Tables of this input alone.
    func compile() -> ForwardingTables {
        let tables = ForwardingTables(
            localChassis: localChassis,
            localEncap: localEncap,
            innerMTU: innerMTU,
            hashSeed: hashSeed
        )
        tables.apply(changes(from: [:]), slots: slots, members: news(from: []), now: now)
        return tables
    }

    /// Brings tables of an earlier input to this one by what is different, in pieces of at most so many changes.
    func update(_ tables: ForwardingTables, from former: TableInput, piece maximum: Int = .max) {
        let pieces = ForwardingTables.pieces(of: changes(from: former.records), maximum: maximum)
        for (index, changes) in pieces.enumerated() {
            let isLast = index == pieces.count - 1
            tables.apply(
                changes,
                slots: isLast ? slots : nil,
                innerMTU: innerMTU,
                members: isLast ? news(from: former.members) : [],
                now: now
            )
        }
    }

    /// Tables of this input alone, compiled in pieces.
    func compileInPieces() -> ForwardingTables {
        var nothing = self
        (nothing.chassis, nothing.datapaths, nothing.ports, nothing.plugged) = ([], [], [], [])
        nothing.members = []
        let tables = nothing.compile()
        update(tables, from: nothing, piece: 2)
        return tables
    }

    /// The members that are others than before, and groups that have none any more.
    private func news(from former: [MembershipChange]) -> [MembershipChange] {
        let present = members.map { change in
            let gone = former.first { $0.datapath == change.datapath }?.groups.keys.map { ($0, [ObjectID]()) } ?? []
            var news = change
            news.groups = Dictionary(gone, uniquingKeysWith: { first, _ in first }).merging(change.groups) { $1 }
            return news
        }
        let lost = former.filter { change in !members.contains { $0.datapath == change.datapath } }
        return present
            + lost.map { change in
                MembershipChange(
                    datapath: change.datapath,
                    groups: change.groups.mapValues { _ in [] },
                    isListening: true
                )
            }
    }

    private func changes(from former: [RecordKey: Record]) -> [RecordChange] {
        let records = records
        let put = records.filter { former[$0.key] != $0.value }.sorted { $0.key < $1.key }
        return put.map { .put($0.value) } + former.keys.filter { records[$0] == nil }.sorted().map { .delete($0) }
    }

    /// Tables of the last input, brought there from one to the next.
    static func compile(_ history: [TableInput]) -> ForwardingTables? {
        guard let tables = history.first?.compile() else { return nil }
        for (former, next) in zip(history, history.dropFirst()) { next.update(tables, from: former) }
        return tables
    }
}
