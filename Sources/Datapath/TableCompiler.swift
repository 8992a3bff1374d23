import Southbound
import Wire

/// Compiles a `TableInput` into an arena; one use.
///
/// Rows are laid out in order of VNI and key, whatever the order of the input, so that equal input makes equal tables.
struct TableCompiler: ~Copyable {
    let input: TableInput
    var arena = TableArena()
    let header: Extent
    var hash: [HashRow] = []

    let datapaths: [DatapathBinding]
    /// The ports of each datapath, by key; one port a key.
    let ports: [ObjectID: [PortBinding]]
    let chassis: ChassisNumbers
    let presences: [ObjectID: PortPresence]
    let slots: [String: UInt16]

    var datapathNames: [String] = []
    var portNames: [String] = []
    var datapathRows: Extent = .empty
    var portRows: Extent = .empty

    init(_ input: TableInput) {
        self.input = input
        header = arena.reserve(TablesHeader.self, count: 1)
        datapaths = Self.unique(
            input.datapaths.sorted { ($0.tunnelKey, $0.id) < ($1.tunnelKey, $1.id) },
            by: \.tunnelKey
        )
        let known = Set(datapaths.map(\.id))
        let sorted = input.ports.filter { known.contains($0.datapath) }
            .sorted { ($0.tunnelKey, $0.id) < ($1.tunnelKey, $1.id) }
        ports = Dictionary(grouping: sorted, by: \.datapath).mapValues { Self.unique($0, by: \.tunnelKey) }
        presences = Self.presences(of: input, ports: ports)
        chassis = ChassisNumbers(input, presences: presences)
        slots = Dictionary(input.localPorts.map { ($0.logicalPort, $0.slot) }, uniquingKeysWith: { $1 })
    }

    /// The first of each run of elements that have one key.
    private static func unique<Element, Key: Equatable>(_ sorted: [Element], by key: KeyPath<Element, Key>) -> [Element]
    {
        var kept: [Element] = []
        for element in sorted where kept.last?[keyPath: key] != element[keyPath: key] { kept.append(element) }
        return kept
    }

    mutating func compileDatapaths() {
        datapathRows = arena.reserve(DatapathRow.self, count: datapaths.count)
        let portCount = datapaths.reduce(0) { $0 + (ports[$1.id]?.count ?? 0) }
        portRows = arena.reserve(PortRow.self, count: portCount)
        for (index, datapath) in datapaths.enumerated() {
            let rowOffset = datapathRows.offset + index * MemoryLayout<DatapathRow>.stride
            insert(.vni, datapath: 0, low: UInt64(datapath.tunnelKey), value: rowOffset)
            datapathNames.append(datapath.name)
            let members = ports[datapath.id] ?? []
            let row = DatapathRow(
                vni: datapath.tunnelKey,
                index: UInt32(index),
                isVLANPassthru: datapath.vlanPassthru,
                flood: group(of: members.filter(\.isEnabled), firstPortIndex: portNames.count, all: members),
                unknown: group(
                    of: members.filter { $0.isEnabled && $0.hasUnknown },
                    firstPortIndex: portNames.count,
                    all: members
                ),
                chassis: arena.append(remoteChassis(of: members).map { UInt32($0) })
            )
            arena.store(row, in: datapathRows, at: index)
            for port in members { compile(port, of: datapath, index: index, datapathOffset: rowOffset) }
        }
    }

    /// The tables; the compiler is spent.
    consuming func finish() -> ForwardingTables {
        let places = arena.append(chassis.places.map(Self.placeRow))
        for (number, encaps) in chassis.encaps.enumerated() {
            for encap in encaps { insert(encap, value: number) }
        }
        var slotRows = [Int](repeating: 0, count: (input.localPorts.map { Int($0.slot) }.max() ?? -1) + 1)
        for index in 0..<portRows.count {
            let row = arena.load(PortRow.self, in: portRows, at: index)
            if row.locals.count > 0 { slotRows[Int(row.slot)] = offset(ofPort: index) }
        }
        let layout = TablesHeader(
            epoch: (input.previous?.epoch ?? 0) + 1,
            hashSeed: input.hashSeed,
            innerMTU: input.innerMTU,
            hash: layHashTable(),
            slots: arena.append(slotRows),
            places: places,
            datapaths: datapathRows,
            ports: portRows
        )
        arena.store(layout, in: header, at: 0)
        let presences = presences
        let names = (chassis.names, portNames, datapathNames)
        return ForwardingTables(
            arena: arena,
            presences: presences,
            chassisNames: names.0,
            portNames: names.1,
            datapathNames: names.2
        )
    }

    func offset(ofPort index: Int) -> Int { portRows.offset + index * MemoryLayout<PortRow>.stride }
}

extension TableCompiler {
    mutating func insert(_ kind: HashKind, datapath: Int, high: UInt64 = 0, low: UInt64, value: Int) {
        hash.append(
            HashRow(scope: hashScope(kind, datapath: UInt32(datapath)), high: high, low: low, value: value)
        )
    }

    mutating func insert(_ encap: IPAddress, value: Int) {
        switch encap {
        case .v4(let address): insert(.ipv4Encap, datapath: 0, low: UInt64(address.rawValue), value: value)
        case .v6(let address):
            insert(.ipv6Encap, datapath: 0, high: address.high, low: address.low, value: value)
        }
    }

    /// Lays the collected keys into a table that is at most half full; of equal keys the first stays.
    private mutating func layHashTable() -> Extent {
        var capacity = 16
        while capacity < hash.count * 2 { capacity *= 2 }
        var table = [HashRow](repeating: HashRow(scope: 0, high: 0, low: 0, value: 0), count: capacity)
        for row in hash {
            var index = hashIndex(scope: row.scope, high: row.high, low: row.low, seed: input.hashSeed) & (capacity - 1)
            while table[index].scope != 0, !Self.haveEqualKeys(table[index], row) {
                index = (index + 1) & (capacity - 1)
            }
            if table[index].scope == 0 { table[index] = row }
        }
        return arena.append(table)
    }

    private static func haveEqualKeys(_ left: HashRow, _ right: HashRow) -> Bool {
        left.scope == right.scope && left.high == right.high && left.low == right.low
    }

    private static func placeRow(_ address: IPAddress) -> PlaceRow {
        switch address {
        case .v4(let address): PlaceRow(isIPv6: false, high: 0, low: UInt64(address.rawValue))
        case .v6(let address): PlaceRow(isIPv6: true, high: address.high, low: address.low)
        }
    }
}
