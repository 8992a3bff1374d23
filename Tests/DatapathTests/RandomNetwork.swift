import Datapath
import Southbound
import TestSupport
import Wire

/// Random networks of a few switches, hosts and ports, and random frames that have to do with them.
struct RandomNetwork {
    var generator: SeededGenerator
    /// Another one for members of sets, so that what the first one makes stays as it is.
    private var memberGenerator: SeededGenerator
    let local = "hv1"

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        memberGenerator = SeededGenerator(seed: ~seed)
    }

    // MARK: networks

    /// One to three inputs, each an edit of the one before.
    mutating func history() -> [TableInput] {
        var inputs = [firstInput()]
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
            var next = inputs[inputs.count - 1]
            next.now += .milliseconds(Int.random(in: 1...1100, using: &generator))
            edit(&next)
            inputs.append(next)
        }
        return inputs
    }

    private mutating func firstInput() -> TableInput {
        var input = TableInput(
            localChassis: local,
            localEncap: chance(80) ? .v4(IPv4Address(0x0a7f_0001)) : .v6(encap6(1)),
            innerMTU: [1442, 600, 500].randomElement(using: &generator) ?? 1442
        )
        input.hashSeed = generator.next()
        input.chassis = (1...4).filter { _ in chance(85) }.map { chassis($0) }
        input.dhcpResponders = (1...4).filter { _ in chance(85) }.map { dhcpResponder($0) }
        input.dnsResponders = (1...3).filter { _ in chance(85) }.map { dnsResponder($0) }
        for index in 0..<Int.random(in: 1...3, using: &generator) {
            let datapath = DatapathBinding(
                id: ObjectID(using: &generator),
                name: "ls\(index)",
                tunnelKey: UInt32(index == 2 ? Int(DatapathBinding.tunnelKeyMaximum) : index + 1),
                vlanPassthru: chance(20)
            )
            input.datapaths.append(withServices(datapath))
            addPorts(to: &input, datapath)
        }
        input.plugged = input.ports.filter { _ in chance(75) }.map(\.logicalPort).enumerated()
            .map { Device(logicalPort: $1, slot: UInt16($0 * 2)) }
        input.plugged.append(Device(logicalPort: "nobody", slot: 1))
        input.ports.shuffle(using: &generator)
        input.members = members(in: input)
        return input
    }

    private mutating func chassis(_ number: Int, named name: String? = nil) -> Chassis {
        var encaps = [Encap(ip: .v4(IPv4Address(0x0a7f_0000 + UInt32(number)))), Encap(ip: .v6(encap6(number)))]
        if chance(30) { encaps.remove(at: Int.random(in: 0...1, using: &generator)) }
        return Chassis(name: name ?? "hv\(number)", chassisID: "", hostname: "", encaps: encaps)
    }

    private func encap6(_ number: Int) -> IPv6Address { IPv6Address(high: 0xfd7f << 48, low: UInt64(number)) }

    private mutating func addPorts(to input: inout TableInput, _ datapath: DatapathBinding) {
        var numbers = Array(1...8)
        for place in 0..<Int.random(in: 0...6, using: &generator) {
            let number = numbers.remove(at: Int.random(in: 0..<numbers.count, using: &generator))
            let addresses = chance(90) ? [address(number)] + (chance(15) ? [address(number + 20)] : []) : []
            input.ports.append(
                PortBinding(
                    id: ObjectID(using: &generator),
                    logicalPort: "\(datapath.name)-\(place)",
                    datapath: datapath.id,
                    tunnelKey: chance(5) ? PortBinding.tunnelKeyMaximum - UInt16(number) : UInt16(number),
                    addresses: addresses,
                    hasUnknown: chance(25),
                    portSecurity: chance(50) ? [] : security(number),
                    isEnabled: chance(88),
                    answersNeighbors: chance(85),
                    locations: locations(fence: 1),
                    activationStrategy: ActivationFrame.allCases.filter { _ in chance(60) },
                    dhcpv4Options: chance(60) ? responderID(Int.random(in: 1...4, using: &generator)) : nil,
                    dhcpv6Options: chance(60) ? responderID(Int.random(in: 1...4, using: &generator)) : nil
                )
            )
            let index = input.ports.count - 1
            input.ports[index].guardsRouters = chance(25) ? chance(50) : nil
            input.ports[index].guardsDHCP = chance(25) ? chance(50) : nil
            input.ports[index].isGuarded = chance(40)
            input.ports[index].floodsMulticast = chance(8)
            input.ports[index].floodsReports = chance(8)
            if chance(15) { makeVirtual(&input.ports[index], number, datapath) }
            if chance(8) { makeLocalnet(&input.ports[index]) }
            if chance(15), !input.ports[index].isLocalnet { makeTrunk(&input.ports[index]) }
            if chance(12), !input.ports[index].isVirtual, !input.ports[index].isLocalnet {
                input.ports[index].parentPort = "\(datapath.name)-\(Int.random(in: 0...6, using: &generator))"
                input.ports[index].tag = UInt16.random(in: 1...4, using: &generator)
            }
        }
    }

    private mutating func makeVirtual(_ port: inout PortBinding, _ number: Int, _ datapath: DatapathBinding) {
        port.virtualIP = chance(50) ? .v4(ipv4(number + 40)) : .v6(ipv6(number + 40))
        port.virtualParents = (0..<3).map { _ in "\(datapath.name)-\(Int.random(in: 0...6, using: &generator))" }
        for index in port.locations.indices {
            port.locations[index].parent = port.virtualParents.randomElement(using: &generator)
        }
    }

    private mutating func makeLocalnet(_ port: inout PortBinding) {
        port.physicalNetwork = "physnet1"
        port.hasUnknown = chance(85)
        port.learnsMACs = chance(50)
        (port.addresses, port.portSecurity, port.locations, port.activationStrategy) = ([], [], [], [])
        (port.virtualIP, port.virtualParents) = (nil, [])
    }

    private mutating func makeTrunk(_ port: inout PortBinding) {
        let lists = ["", "0", "1-3", "0,2,9", "1-4094", "0-4094", "4094"]
        port.trunk = Trunk(vlans: lists.randomElement(using: &generator).flatMap { VLANList($0) } ?? VLANList())
        if chance(50) { port.trunk?.native = [1, 2, 9, 100].randomElement(using: &generator) }
    }

    private mutating func locations(fence: UInt64) -> [PortBinding.Location] {
        let roll = Int.random(in: 0..<100, using: &generator)
        if roll < 12 { return [] }
        let first = chance(60) ? "hv1" : "hv\(Int.random(in: 2...5, using: &generator))"
        var locations = [PortBinding.Location(chassis: first, bindSeq: fence)]
        if roll > 88 {
            let second = "hv\(Int.random(in: 1...4, using: &generator))"
            if second != first {
                locations.append(.init(chassis: second, bindSeq: fence + 1, state: chance(50) ? .active : .standby))
            }
        }
        return locations
    }

    private mutating func security(_ number: Int) -> [PortSecurityEntry] {
        (0..<Int.random(in: 1...2, using: &generator)).map { _ in
            let mac = self.mac(chance(85) ? number : number + 20)
            let ranges =
                [.virtualIPv4Routers, .virtualIPv6Routers]
                + [1, 2].compactMap { family in
                    MACRange(address: virtualMAC(number, family), length: 48)
                }
            let virtual =
                chance(80) ? [] : ranges.shuffled(using: &generator).prefix(Int.random(in: 1...4, using: &generator))
            return PortSecurityEntry(mac: mac, prefixes: prefixes(number), virtualMACs: Array(virtual))
        }
    }

    private mutating func prefixes(_ number: Int) -> [IPPrefix] {
        let all: [(IPAddress, Int)] = [
            (.v4(ipv4(number)), 32), (.v4(ipv4(number)), 24), (.v4(ipv4(0)), 24), (.v4(ipv4(0)), 28),
            (.v4(IPv4Address(0)), 0), (.v6(ipv6(number)), 128), (.v6(ipv6(number)), 64), (.v6(ipv6(0)), 64),
            (.v6(ipv6(0)), 100), (.v6(.any), 0),
        ]
        let count = [0, 1, 1, 2, 3].randomElement(using: &generator) ?? 0
        return all.shuffled(using: &generator).prefix(count).compactMap { IPPrefix(address: $0, length: $1) }
    }

    private mutating func edit(_ input: inout TableInput) {
        for index in input.ports.indices where chance(40) && !input.ports[index].isLocalnet {
            let fence = (input.ports[index].locations.map(\.bindSeq).max() ?? 0) + 1
            input.ports[index].locations = locations(fence: fence)
        }
        if chance(30) { input.chassis.removeAll { _ in chance(25) } }
        if chance(20), !input.ports.isEmpty { input.ports.removeLast() }
        if chance(20), !input.plugged.isEmpty { input.plugged.removeFirst() }
        if chance(50) { input.members = members(in: input) }
    }

    /// Changes a little of whatever there is.
    mutating func editAnything(_ input: inout TableInput) {
        swap(&generator, &memberGenerator)
        for index in input.datapaths.indices where chance(40) {
            input.datapaths[index].filter = withOtherMembers(input.datapaths[index].filter)
        }
        swap(&generator, &memberGenerator)
        for index in input.ports.indices where chance(25) { edit(&input.ports[index], input.datapaths) }
        if chance(20), let index = input.ports.indices.randomElement(using: &generator) {
            input.ports.remove(at: index)
        }
        if chance(25), let datapath = input.datapaths.randomElement(using: &generator) {
            let known = input.ports.count
            addPorts(to: &input, datapath)
            for index in known..<input.ports.count { input.ports[index].logicalPort = "\(input.ports[index].id)" }
        }
        if chance(25) { input.chassis.removeAll { _ in chance(30) } }
        for number in 1...5 where chance(20) {
            input.chassis.removeAll { $0.name == "hv\(number)" }
            input.chassis.append(chassis(chance(85) ? number : 6 - number, named: "hv\(number)"))
        }
        if chance(15), let index = input.datapaths.indices.randomElement(using: &generator) {
            if chance(50) {
                input.datapaths.remove(at: index)
            } else {
                input.datapaths[index].vlanPassthru.toggle()
                input.datapaths[index].tunnelKey = UInt32.random(in: 1...4, using: &generator)
            }
        }
        if chance(25), let index = input.datapaths.indices.randomElement(using: &generator) {
            input.datapaths[index] = withServices(input.datapaths[index])
        }
        if chance(25) { input.dhcpResponders = (1...4).filter { _ in chance(85) }.map { dhcpResponder($0) } }
        if chance(25) { input.dnsResponders = (1...3).filter { _ in chance(85) }.map { dnsResponder($0) } }
        if chance(15) {
            let id = ObjectID(using: &generator)
            let key = UInt32.random(in: 1...4, using: &generator)
            input.datapaths.append(DatapathBinding(id: id, name: "new", tunnelKey: key, vlanPassthru: false))
        }
        if chance(40), let index = input.plugged.indices.randomElement(using: &generator) {
            input.plugged.remove(at: index)
        }
        if chance(40), let port = input.ports.randomElement(using: &generator) {
            let free = (0..<60 as Range<UInt16>).first { slot in !input.plugged.contains { $0.slot == slot } }
            let isNew = !input.plugged.contains { $0.logicalPort == port.logicalPort }
            if isNew, let free { input.plugged.append(Device(logicalPort: port.logicalPort, slot: free)) }
        }
        if chance(50) { input.members = members(in: input) }
        if chance(10) { input.innerMTU = 1400 }
    }

    private mutating func edit(_ port: inout PortBinding, _ datapaths: [DatapathBinding]) {
        let number = Int.random(in: 1...8, using: &generator)
        switch Int.random(in: 0...9, using: &generator) {
        case 8: port.dhcpv4Options = chance(80) ? responderID(number / 2) : nil
        case 9: port.dhcpv6Options = chance(80) ? responderID(number / 2) : nil
        case 0 where port.isLocalnet: port.physicalNetwork = nil
        case 0: port.locations = locations(fence: (port.locations.map(\.bindSeq).max() ?? 0) + 1)
        case 1: port.addresses = [address(number), address(number + 20), address(number)]
        case 2: port.hasUnknown.toggle()
        case 3: port.isEnabled.toggle()
        case 4: port.answersNeighbors.toggle()
        case 5: port.portSecurity = security(number)
        case 6: port.tunnelKey = UInt16(number)
        default: port.datapath = datapaths.randomElement(using: &generator)?.id ?? port.datapath
        }
    }

    // MARK: addresses, few enough to meet

    /// The virtual router with this number, 1 for IPv4 and 2 for IPv6.
    func virtualMAC(_ number: Int, _ family: UInt64) -> MACAddress {
        MACAddress(truncating: 0x5e00_0000 | family << 8 | UInt64(number & 255))
    }

    func mac(_ number: Int) -> MACAddress { MACAddress(truncating: 0x0200_0000_0000 + UInt64(number)) }
    func ipv4(_ number: Int) -> IPv4Address { IPv4Address(0x0a00_0000 + UInt32(number)) }
    func ipv6(_ number: Int) -> IPv6Address { IPv6Address(high: 0xfd00 << 48, low: UInt64(number)) }

    private func address(_ number: Int) -> PortAddress {
        PortAddress(mac: mac(number), ips: [.v4(ipv4(number)), .v6(ipv6(number)), .v6(mac(number).linkLocalAddress)])
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
}
