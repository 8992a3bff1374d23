import Persistent
import Southbound
import TestSupport
import Wire

/// A random southbound database that keeps its own rules: ports in datapaths that are there, one place a port.
struct RandomDatabase {
    var database = SouthboundDatabase()
    var revision: UInt64 = 0
    var generator: SeededGenerator
    /// The keys that the last edit touched.
    var touched: [RecordKey] = []

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private func id(_ number: Int) -> ObjectID { ObjectID(high: 0, low: UInt64(number)) }

    private mutating func draw(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

    private mutating func put(_ record: Record) {
        database.put(.init(record: record, revision: revision))
        touched.append(record.key)
    }

    private mutating func remove(_ key: RecordKey) {
        database.remove(key)
        touched.append(key)
    }

    /// One commit: a few records are put or removed.
    mutating func edit() {
        revision += 1
        touched = []
        for _ in 0...draw(3) {
            switch draw(10) {
            case 0:
                let number = draw(6)
                put(.chassis(Chassis(name: "h\(number)", chassisID: "\(draw(9))", hostname: "", encaps: [])))
            case 1:
                let number = draw(5)
                put(
                    .datapathBinding(
                        DatapathBinding(
                            id: id(number),
                            name: "ls\(number)",
                            tunnelKey: UInt32(number + 1),
                            vlanPassthru: Bool.random(using: &generator),
                            dnsRecords: Set((0..<draw(3)).map { _ in draw(3) }).map { id(300 + $0) }
                        )
                    )
                )
            case 2:
                let number = draw(5)
                for port in database.portBindings(ofDatapath: id(number)) { remove(.portBinding(port.id)) }
                remove(.datapathBinding(id(number)))
            case 3:
                remove(.portBinding(id(100 + draw(20))))
            case 4: put(.dhcpResponder(responder(draw(3))))
            case 5: put(.dnsResponder(DNSResponder(id: id(300 + draw(3)), isOwned: Bool.random(using: &generator))))
            case 7:
                let sink = "192.0.2.\(draw(3))"
                put(.mirrorSession(MirrorSession(id: id(400 + draw(2)), type: .gre, filter: .both, sink: sink)))
            case 8: remove(.mirrorSession(id(400)))
            case 6: remove(Bool.random(using: &generator) ? .dhcpResponder(id(200 + draw(3))) : .dnsResponder(id(300)))
            default: putPort()
            }
        }
    }

    private mutating func responder(_ number: Int) -> DHCPResponder {
        DHCPResponder(
            id: id(200 + number),
            cidr: IPPrefix(host: .v4(.any)),
            serverID: nil,
            serverMAC: .zero,
            leaseTime: UInt32(draw(3))
        )
    }

    private mutating func putPort() {
        let number = draw(20)
        let datapath = number % 5
        guard database.datapathBinding(id(datapath)) != nil else { return }
        let place = draw(8)
        put(
            .portBinding(
                PortBinding(
                    id: id(100 + number),
                    logicalPort: "p\(number)",
                    datapath: id(datapath),
                    tunnelKey: UInt16(number + 1),
                    isEnabled: Bool.random(using: &generator),
                    locations: place < 6 ? [.init(chassis: "h\(place)", bindSeq: revision)] : [],
                    dhcpv4Options: number % 3 == 0 ? id(200 + draw(3)) : nil,
                    dhcpv6Options: number % 4 == 0 ? id(200 + draw(3)) : nil
                )
            )
        )
    }
}

/// The share of a chassis, worked out the slow way: by looking at every record.
func recomputedShare(of name: String, in database: SouthboundDatabase) -> [RecordKey: Record] {
    let ports = database.entries.values.compactMap { entry -> PortBinding? in
        if case .portBinding(let port) = entry.record { port } else { nil }
    }
    let datapaths = Set(ports.filter { $0.locations.contains { $0.chassis == name } }.map(\.datapath))
    let shared = ports.filter { datapaths.contains($0.datapath) }
    let chassis = Set(shared.flatMap(\.locations).map(\.chassis) + [name])
    let referred = database.entries.values.reduce(into: Set<ObjectID>()) { referred, entry in
        switch entry.record {
        case .datapathBinding(let datapath) where datapaths.contains(datapath.id):
            referred.formUnion(datapath.dnsRecords)
        case .portBinding(let port) where datapaths.contains(port.datapath):
            referred.formUnion([port.dhcpv4Options, port.dhcpv6Options].compactMap(\.self) + port.mirrors)
        default: break
        }
    }
    var share: [RecordKey: Record] = [:]
    for (key, entry) in database.entries {
        switch entry.record {
        case .chassis(let other) where chassis.contains(other.name): share[key] = entry.record
        case .datapathBinding(let datapath) where datapaths.contains(datapath.id): share[key] = entry.record
        case .portBinding(let port) where datapaths.contains(port.datapath): share[key] = entry.record
        case .dhcpResponder(let responder) where referred.contains(responder.id): share[key] = entry.record
        case .dnsResponder(let responder) where referred.contains(responder.id): share[key] = entry.record
        case .mirrorSession(let session) where referred.contains(session.id): share[key] = entry.record
        default: break
        }
    }
    return share
}
