import Southbound
import TestSupport
import Wire

// Random DHCP servers, names, gateways and guards, and frames that ask for them.

extension RandomNetwork {
    func responderID(_ number: Int) -> ObjectID { ObjectID(high: 7, low: UInt64(number)) }

    mutating func withServices(_ datapath: DatapathBinding) -> DatapathBinding {
        var datapath = datapath
        datapath.dnsRecords = (1...3).filter { _ in chance(40) }.map { responderID($0) }.shuffled(using: &generator)
        datapath.dnsDomain = chance(50) ? "example.org" : nil
        datapath.guardsRouters = chance(50) ? chance(60) : nil
        datapath.guardsDHCP = chance(50) ? chance(60) : nil
        datapath.filter = filter()
        datapath.snooping = snooping()
        datapath.routerAdvertisement = nil
        guard chance(50) else { return datapath }
        var router = RouterAdvertisement(mac: mac(60), linkLocal: mac(60).linkLocalAddress)
        router.addressMode = [.slaac, .dhcpv6Stateful, .dhcpv6Stateless].randomElement(using: &generator) ?? .slaac
        router.preference = [.low, .medium, .high].randomElement(using: &generator) ?? .medium
        router.mtu = chance(50) ? 1300 : nil
        router.prefixes = [IPPrefix(address: .v6(ipv6(0)), length: 64)].compactMap { chance(80) ? $0 : nil }
        router.dnsServers = chance(50) ? [ipv6(53), ipv6(54)] : []
        router.dnsSearchList = chance(50) ? ["example.org", "a.example.org"] : []
        router.routerLifetime = chance(80) ? .max : 0
        router.preferredLifetime = chance(50) ? 100 : .max
        datapath.routerAdvertisement = router
        return datapath
    }

    mutating func dhcpResponder(_ number: Int) -> DHCPResponder {
        let isIPv6 = number > 2
        let network: IPAddress = isIPv6 ? .v6(ipv6(0)) : .v4(ipv4(0))
        var responder = DHCPResponder(
            id: responderID(number),
            cidr: IPPrefix(address: network, length: isIPv6 ? [64, 112, 128][number % 3] : 24)
                ?? IPPrefix(host: network),
            serverID: isIPv6 ? nil : ipv4(200),
            serverMAC: mac(61)
        )
        responder.isStateless = isIPv6 && chance(30)
        responder.nextServer = chance(30) ? ipv4(201) : nil
        responder.leaseTime = chance(70) ? 3600 : chance(20) ? 0 : nil
        responder.t1 = chance(30) ? 1000 : nil
        responder.t2 = chance(30) ? 2000 : nil
        let codes = isIPv6 ? [23, 24, 59, 254] : [1, 3, 6, 15, 26, 67, 119, 121, 121, 252, 254]
        for code in codes where chance(50) {
            let count = chance(90) ? Int.random(in: 0...16, using: &generator) : 200
            let value = [UInt8](repeating: UInt8(code), count: count)
            responder.options += (isIPv6 ? [0, UInt8(code), 0] : [UInt8(code)]) + [UInt8(count)] + value
        }
        return responder
    }

    mutating func dnsResponder(_ number: Int) -> DNSResponder {
        var responder = DNSResponder(id: responderID(number), isOwned: chance(50))
        for name in ["www.example.org", "ls0-1.example.org", "a", "db.test"] where chance(60) {
            let ips = (0..<Int.random(in: 0...20, using: &generator)).map { index -> IPAddress in
                chance(50) ? .v4(ipv4(index)) : .v6(ipv6(index))
            }
            responder.records[name] = ips
        }
        if chance(60) { responder.pointers["2.0.0.10.in-addr.arpa"] = "www.example.org" }
        return responder
    }

    // MARK: frames

    /// A whole DHCP, DHCPv6 or DNS frame, or a router's, from the host with this number.
    mutating func serviceFrame(from number: Int) -> [UInt8] {
        switch Int.random(in: 0..<5, using: &generator) {
        case 0, 1: dhcpv4Frame(from: number)
        case 2: dhcpv6Frame(from: number)
        case 3: nameFrame(from: number)
        default: routerFrame(from: number)
        }
    }

    private mutating func dhcpv4Frame(from number: Int) -> [UInt8] {
        let type = UInt8.random(in: 0...9, using: &generator)
        var message = DHCPv4Message(type: .discover, transaction: 0x1234_5678, hardwareAddress: mac(number))
        message.flags = chance(30) ? 0x8000 : 0
        message.clientAddress = chance(30) ? ipv4(number) : .any
        message.relayAddress = chance(10) ? ipv4(9) : .any
        var octets = FrameBuilder.written(240) { message.write(to: &$0) }
        var options: [UInt8] = [53, 1, type]
        if chance(50) { options += [50, 4, 10, 0, 0, UInt8(chance(80) ? number : 99)] }
        if chance(30) { options += [54, 4, 10, 0, 0, chance(80) ? 200 : 201] }
        if chance(30) { options += [57, 2, UInt8.random(in: 0...5, using: &generator), 200] }
        if chance(50) { options += [55, 5, 67, 3, 26, 121, 200] }
        if chance(40) { options += [61, 7, 1] + mac(number).octets }
        if chance(30) { options += [175, 1, 1] }
        if chance(20) { options += [0, 0, 12, 3, 1, 2, 3] }
        if chance(10) { options += options.prefix(6) }
        if chance(20) {
            let overload = UInt8.random(in: 0...3, using: &generator)
            options += [52, 1, overload]
            octets.replaceSubrange(108..<112, with: [12, 1, 9, 255])
            octets.replaceSubrange(44..<51, with: [50, 4, 10, 0, 0, UInt8(number), chance(80) ? 255 : 53])
        }
        octets += options + (chance(80) ? [255] : []) + (chance(30) ? [0, 0, 0] : [])
        bend(&octets)
        let packet = FrameBuilder.ipv4(
            chance(60) ? .any : ipv4(number),
            chance(60) ? .broadcast : ipv4(200),
            payload: FrameBuilder.udp(chance(95) ? 68 : 67, chance(95) ? 67 : 68, payload: octets)
        )
        return FrameBuilder.ethernet(mac(number), chance(70) ? .broadcast : mac(61), 0x0800, payload: packet)
    }

    private mutating func dhcpv6Frame(from number: Int) -> [UInt8] {
        func option(_ code: UInt8, _ value: [UInt8]) -> [UInt8] { [0, code, 0, UInt8(value.count)] + value }
        let type = chance(30) ? 1 : UInt8.random(in: 0...12, using: &generator)
        var octets: [UInt8] = [type, 1, 2, 3]
        if chance(85) { octets += option(1, [0, 1, 0, 1] + mac(number).octets) }
        if chance(type == 1 ? 10 : 50) { octets += option(2, [0, 3, 0, 1] + mac(chance(85) ? 61 : 62).octets) }
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
            let ip = OracleChecksum.octets(of: ipv6(chance(60) ? number : 70_000))
            let address = option(5, ip + [UInt8](repeating: 1, count: 8))
            octets += option(3, [0, 0, 0, 7] + [UInt8](repeating: 0, count: 8) + (chance(60) ? address : []))
        }
        if chance(15) { octets += option(4, [0, 0, 0, 8]) }
        if chance(15) { octets += option(25, [0, 0, 0, 9] + [UInt8](repeating: 0, count: 8)) }
        if chance(40) { octets += option(14, []) }
        if chance(30) { octets += option(6, [0, 23, 0, 24]) }
        if chance(30) { octets += option(15, [0, 1, 65, 0, 4] + Array("iPXE".utf8)) }
        bend(&octets)
        let packet = FrameBuilder.ipv6(
            chance(90) ? mac(number).linkLocalAddress : chance(50) ? ipv6(number) : .any,
            chance(95) ? IPv6Address(high: 0xff02 << 48, low: 0x10002) : ipv6(3),
            hopLimit: 1,
            payload: FrameBuilder.udp(chance(95) ? 546 : 547, chance(95) ? 547 : 546, payload: octets)
        )
        return FrameBuilder.ethernet(mac(number), MACAddress(truncating: 0x3333_0001_0002), 0x86dd, payload: packet)
    }

    private mutating func nameFrame(from number: Int) -> [UInt8] {
        let names = [
            "www.example.org", "LS0-1.Example.ORG", "ls0-0.example.org", "a", "db.test", "other.test",
            "2.0.0.10.in-addr.arpa", "3.0.0.10.in-addr.arpa",
        ]
        let name = names.randomElement(using: &generator) ?? "a"
        let type = [1, 28, 12, 255, 15, 65].randomElement(using: &generator) ?? 1
        var octets: [UInt8] = [0xab, 0xcd, chance(90) ? 1 : 0x81, chance(80) ? 0 : 0x30, 0, 1, 0, 0, 0, 0, 0, 0]
        octets += OracleNames.octets(of: name) + [0, UInt8(type), 0, chance(90) ? 1 : 255]
        if chance(50) {
            octets[11] = 1
            octets += [0, 0, 41, UInt8.random(in: 0...8, using: &generator), 0, 0, chance(90) ? 0 : 1, 0, 0, 0, 0]
        }
        bend(&octets)
        let udp = FrameBuilder.udp(4000, chance(95) ? 53 : 54, payload: octets)
        let destination = chance(80) ? mac(chance(50) ? 3 : 99) : .broadcast
        if chance(50) {
            let packet = FrameBuilder.ipv4(ipv4(number), chance(90) ? ipv4(3) : .broadcast, payload: udp)
            return FrameBuilder.ethernet(mac(number), destination, 0x0800, payload: packet)
        }
        let target = chance(90) ? ipv6(3) : IPv6Address(high: 0xff02 << 48, low: 1)
        let packet = FrameBuilder.ipv6(ipv6(number), target, payload: udp)
        return FrameBuilder.ethernet(mac(number), destination, 0x86dd, payload: packet)
    }

    private mutating func routerFrame(from number: Int) -> [UInt8] {
        let type: UInt8 = chance(60) ? 133 : [134, 137].randomElement(using: &generator) ?? 134
        var octets: [UInt8] = [type, chance(95) ? 0 : 1, 0, 0, 0, 0, 0, 0]
        if chance(60) { octets += [1, 1] + mac(number).octets }
        if chance(10) { octets += [1, chance(50) ? 1 : 2] + mac(number).octets }
        bend(&octets)
        var next: UInt8 = 58
        if chance(20) {
            // A first fragment, maybe with nothing in it.
            if chance(50) { octets = Array(octets.prefix(Int.random(in: 0...8, using: &generator))) }
            octets = [58, 0, 0, chance(80) ? 1 : 8, 0, 0, 0, 1] + octets
            next = 44
        }
        let packet = FrameBuilder.ipv6(
            chance(70) ? mac(number).linkLocalAddress : .any,
            IPv6Address(high: 0xff02 << 48, low: chance(90) ? 2 : 1),
            nextHeader: next,
            hopLimit: chance(95) ? 255 : 64,
            payload: octets
        )
        return FrameBuilder.ethernet(mac(number), MACAddress(truncating: 0x3333_0000_0002), 0x86dd, payload: packet)
    }

    /// Breaks a message now and then.
    private mutating func bend(_ octets: inout [UInt8]) {
        if chance(12), !octets.isEmpty {
            octets[Int.random(in: 0..<octets.count, using: &generator)] = UInt8(truncatingIfNeeded: generator.next())
        }
        if chance(8) { octets.removeLast(Int.random(in: 0...octets.count, using: &generator)) }
    }
}
