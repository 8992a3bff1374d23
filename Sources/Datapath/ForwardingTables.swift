import Southbound
import Wire

/// The forwarding tables of one host, compiled from its share of the southbound database and what is plugged in, and
/// kept in step with both by changes: a change costs what it changes, not what there is.
///
/// Any records will do: what contradicts itself (two ports with one key or MAC, a port without its datapath) is settled
/// in favour of the lower key or identity, or left out.
public final class ForwardingTables {
    /// The time that frames are taken from a port's previous place after the newer binding arrived: hosts do not hear
    /// of a move at the same moment.
    public static let previousPlaceTime = Duration.seconds(1)
    /// The octets that a file may exceed twice its length after the last copy by, before its used part is copied to a
    /// new one.
    static let garbageByteCountMaximum = 1 << 20

    /// The name of this host's chassis.
    let localChassis: String
    /// Tunnels go to encaps of this address' family.
    let localEncap: IPAddress
    /// Spreads the keys of tries, so that tenants cannot choose MACs that meet.
    let hashSeed: UInt64

    private(set) var file: TableFile
    var root: TableRoot
    private var rootReference: Reference = 0
    private var copiedByteCount = 0
    /// Tells the present file from those before a copy.
    public private(set) var fileNumber = 0

    var chassis = ChassisList()
    var datapaths: [ObjectID: DatapathState] = [:]
    /// The datapaths by index; `nil` if an index is free.
    var datapathsByIndex: [DatapathState?] = []
    var freeIndices: [Int] = []
    /// The datapaths that have claimed a VNI: the lowest identity has it.
    var vniClaims: [UInt32: [ObjectID]] = [:]
    /// The datapaths whose row is out of date.
    var outdated: Set<UInt32> = []
    var ports: [ObjectID: Record] = [:]
    /// The ports whose datapath is missing or has lost its VNI, by datapath.
    var strays: [ObjectID: Set<ObjectID>] = [:]
    /// The places that ports have left and frames are still taken from.
    var pasts: [ObjectID: [PastPlace]] = [:]
    /// When to look at a port's past places, earliest first.
    var deadlines: [(time: Duration, port: ObjectID)] = []
    /// The ports that are bound here, by logical port.
    var portsHere: [String: Set<ObjectID>] = [:]
    /// The virtual ports, by their parents.
    var virtualPorts: [String: Set<ObjectID>] = [:]
    /// The nested ports, by their parents.
    var nestedPorts: [String: Set<ObjectID>] = [:]
    /// The parents whose nested ports have changed.
    var outdatedParents: Set<String> = []
    /// The slots of the devices, and of nested ports, by logical port.
    private(set) var slots: [String: UInt16] = [:]
    /// The rows of the ports in the slots.
    var slotRows: [Reference] = []
    var areSlotsOutdated = false
    /// The responders that ports refer to.
    var dhcpResponders: [ObjectID: DHCPResponderState] = [:]
    /// The responders that datapaths refer to.
    var dnsResponders: [ObjectID: DNSResponder] = [:]
    /// The responders that the present change has changed.
    var changedResponders: Set<ObjectID> = []
    /// The time of the present change.
    var now = Duration.zero

    /// Tables of a host that forwards nothing yet.
    /// - Parameters:
    ///   - epoch: the tables have higher numbers than this; above those of any tables that the same forwarder has had.
    ///   - innerMTU: the longest IP packet, in octets, that the host's own device leaves to tunnels: its MTU less 58
    ///     (IPv4) or 78 (IPv6). What the path to each place carries is told to the forwarder apart.
    ///   - isPrivate: True for tables that no other process gets. They take no descriptor.
    public init(
        localChassis: String,
        localEncap: IPAddress,
        innerMTU: Int,
        hashSeed: UInt64,
        epoch: UInt64 = 0,
        isPrivate: Bool = false
    ) {
        file = TableFile(isPrivate: isPrivate)
        self.localChassis = localChassis
        self.localEncap = localEncap
        self.hashSeed = hashSeed
        root = TableRoot(
            epoch: epoch,
            hashSeed: hashSeed,
            innerMTU: UInt32(clamping: innerMTU),
            placesGeneration: 0,
            keys: 0,
            chassisCount: 0,
            chassis: .empty,
            datapaths: .empty,
            slots: .empty
        )
        finish()
    }

    /// Changes records and what is plugged in, at once.
    /// - Parameters:
    ///   - changes: in any order, one for a record.
    ///   - slots: the slots of all devices here, below `Tables.slotCountMaximum`, by logical port; dense, as tables
    ///     hold a row for every number up to the largest. `nil` changes none.
    ///   - innerMTU: `nil` changes nothing.
    ///   - members: of multicast groups.
    ///   - now: the time of `processTunnel`'s clock.
    public func apply(
        _ changes: [RecordChange],
        slots: [String: UInt16]? = nil,
        innerMTU: Int? = nil,
        members: [MembershipChange] = [],
        now: Duration
    ) {
        self.now = now
        file.beginChange()
        root.epoch += 1
        if let innerMTU { root.innerMTU = UInt32(clamping: innerMTU) }
        forgetPastPlaces()
        // Ports come after what they refer to, and chassis go after the ports that were there.
        for case .put(.chassis(let chassis)) in changes { put(chassis) }
        for case .put(.datapathBinding(let datapath)) in changes { put(datapath) }
        for change in changes {
            switch change {
            case .put(.portBinding(let port)): put(port)
            case .delete(.portBinding(let id)): removePort(id)
            case .put(.dhcpResponder(let responder)): put(responder)
            case .delete(.dhcpResponder(let id)): removeDHCPResponder(id)
            case .put(.dnsResponder(let responder)): put(responder)
            case .delete(.dnsResponder(let id)): removeDNSResponder(id)
            // Whoever has the record makes a put of a patch.
            case .put, .delete, .patch: break
            }
        }
        for case .delete(.datapathBinding(let id)) in changes { removeDatapath(id) }
        for case .delete(.chassis(let name)) in changes { removeChassis(name) }
        if let slots { setSlots(slots) }
        for change in members { put(change) }
        layChangedResponders()
        finish()
        if file.byteCount > 2 * copiedByteCount + Self.garbageByteCountMaximum { copyToNewFile() }
    }

    /// Changes in pieces that are applied one after the other, with the outcome of all at once.
    /// - Parameter maximum: the most changes of a piece.
    public static func pieces(of changes: [RecordChange], maximum: Int) -> [[RecordChange]] {
        guard changes.count > maximum else { return [changes] }
        let ordered = (0..<RecordChange.phaseCount).flatMap { phase in changes.filter { $0.phase == phase } }
        return stride(from: 0, to: ordered.count, by: maximum).map {
            Array(ordered[$0..<min($0 + maximum, ordered.count)])
        }
    }

    private func setSlots(_ slots: [String: UInt16]) {
        let former = self.slots
        self.slots = slots
        let names = Set(former.keys).union(slots.keys).filter { former[$0] != slots[$0] }
        var ids: Set<ObjectID> = []
        for name in names {
            ids.formUnion(portsHere[name] ?? [])
            ids.formUnion(virtualPorts[name] ?? [])
            ids.formUnion(nestedPorts[name] ?? [])
        }
        for id in ids.sorted() {
            layAgain(id)
            if let parent = port(id)?.parentPort { outdatedParents.insert(parent) }
        }
    }

    // Views

    /// The number of the last change.
    public var epoch: UInt64 { root.epoch }
    /// The file's descriptor, which belongs to the tables; another one after a copy.
    public var descriptor: Int32 { file.descriptor }
    /// The length of the file's used part, in octets.
    public var byteCount: Int { file.byteCount }
    /// The offset of the root in the file, in octets.
    public var rootOffset: Int { Int(rootReference) * 8 }

    /// The tables as the packet path reads them; valid until the next change.
    public var view: Tables {
        guard let view = Tables(base: file.base, byteCount: file.byteCount, root: rootOffset) else {
            preconditionFailure("the root was just written")
        }
        return view
    }

    /// Writes what the change has made different.
    private func finish() {
        layParents()
        for index in outdated.sorted() {
            guard let datapath = datapathsByIndex[Int(index)] else { continue }
            write(datapath)
        }
        outdated = []
        if areSlotsOutdated {
            root.slots = file.append(slotRows)
            areSlotsOutdated = false
        }
        rootReference = file.append(root)
    }

    /// Copies what is in use to a new file. Generations stay: nothing has changed for whoever decides on frames.
    func copyToNewFile() {
        let former = file
        fileNumber += 1
        file = TableFile(capacity: former.byteCount / 2, isPrivate: former.descriptor < 0)
        root.keys = file.copyTrie(root.keys, from: former)
        root.chassis = file.copy(root.chassis, from: former) { file.append(former.load(ChassisRow.self, at: $0)) }
        var moved: [Reference: Extent] = [:]
        for (id, responder) in dhcpResponders where responder.options.count > 0 {
            let options = file.copy(UInt8.self, responder.options, from: former)
            moved[responder.options.first] = options
            dhcpResponders[id]?.options = options
        }
        for case let datapath? in datapathsByIndex { datapath.copy(from: former, to: file, moved) }
        root.datapaths = .empty
        for case let datapath? in datapathsByIndex where datapath.isActive {
            file.set(file.append(datapath.row), at: Int(datapath.row.index), of: &root.datapaths)
        }
        slotRows = slotRows.map { reference in
            guard reference != 0 else { return 0 }
            let port = former.load(PortRow.self, at: reference)
            let datapath = datapathsByIndex[Int(port.datapath)]
            return datapath.map { file.element(Int(port.key), of: $0.row.ports) } ?? 0
        }
        root.slots = file.append(slotRows)
        rootReference = file.append(root)
        copiedByteCount = file.byteCount
    }
}

extension RecordChange {
    fileprivate static let phaseCount = 6

    /// The place of such changes in the order in which `ForwardingTables.apply` takes them. What ports refer to comes
    /// before them.
    fileprivate var phase: Int {
        switch self {
        case .put(.chassis): 0
        case .put(.dhcpResponder), .put(.dnsResponder), .put(.mirrorSession): 1
        case .put(.datapathBinding), .patch: 2
        case .put(.portBinding), .delete(.portBinding): 3
        case .delete(.datapathBinding): 4
        case .delete(.chassis), .delete(.dhcpResponder), .delete(.dnsResponder), .delete(.mirrorSession): 5
        }
    }
}
