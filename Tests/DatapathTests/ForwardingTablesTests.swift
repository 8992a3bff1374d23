import Datapath
import Southbound
import TestSupport
import Testing
import Wire

@Suite struct ForwardingTablesTests {
    @Test("the primer's three hosts, as hv1 sees them")
    func primer() {
        let security = [
            PortSecurityEntry(
                mac: TestHost.mac(1),
                prefixes: ["172.16.255.1", "10.1.0.5/16", "fd00::1", "fd00:1::/48"].compactMap { IPPrefix($0) }
            )
        ]
        var trunk = TestHost.vm(4, at: "hv3")
        trunk.hasUnknown = true
        trunk.isEnabled = false
        var host = TestHost([
            TestHost.vm(1, at: "hv1", security: security), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv3"), trunk,
            TestHost.vm(5, at: nil),
        ])
        host.update(at: .seconds(10)) { input in
            input.ports[2] = TestHost.vm(3, at: "hv1", fence: 2)
            input.plugged.append(Device(logicalPort: "vm3", slot: 2))
            input.datapaths.append(
                DatapathBinding(id: ObjectID(high: 9, low: 9), name: "ls0", tunnelKey: 2, vlanPassthru: true)
            )
        }
        let mismatch = goldenMismatch(host.tables.description, named: "primer")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test("tables of nothing forward nothing")
    func empty() {
        let tables = TableInput(localChassis: "hv1", localEncap: TestHost.encap(1), innerMTU: 1442).compile()
        #expect(tables.epoch == 1 && tables.view.placeCount == 0)
        #expect(tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.drop(.portNotBound)])
        let datagram = FrameBuilder.geneve(vni: 1, ingress: 1, egress: 1, frame: [])
        #expect(
            tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .zero) == [.drop(.unknownTunnelSource)]
        )
    }

    @Test("every compilation has an epoch of its own")
    func epochs() {
        var host = TestHost([])
        for epoch in 2...5 {
            host.update(at: .zero) { _ in }
            #expect(host.tables.epoch == UInt64(epoch))
        }
    }

    @Test("the order of the input and the hash seed change nothing", arguments: 0..<40 as Range<UInt64>)
    func order(seed: UInt64) {
        var network = RandomNetwork(seed: seed)
        guard var input = network.history().last else { return }
        let expected = input.compile().description
        input.ports.shuffle(using: &network.generator)
        input.chassis.shuffle(using: &network.generator)
        input.datapaths.shuffle(using: &network.generator)
        input.plugged.shuffle(using: &network.generator)
        input.hashSeed = network.generator.next()
        #expect(input.compile().description == expected)
    }

    @Test("contradictions are settled for the lower key: one port a key, one owner a MAC and an IP")
    func contradictions() {
        var twin = TestHost.vm(2, at: "hv1")
        twin.id = ObjectID(high: 2, low: 99)
        twin.logicalPort = "twin"
        var thief = TestHost.vm(3, at: "hv2")
        thief.addresses = TestHost.vm(1, at: nil).addresses
        var stray = TestHost.vm(4, at: "hv1")
        stray.datapath = ObjectID(high: 7, low: 7)
        let host = TestHost([TestHost.vm(1, at: "hv1"), twin, TestHost.vm(2, at: "hv1"), thief, stray])
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.local(slot: 2)])
        #expect(host.tables.outcomes(of: TestHost.udp(2, 1), from: 2) == [.local(slot: 0)])
        #expect(host.tables.outcomes(of: TestHost.udp(2, 1), from: 1) == [.drop(.portNotBound)])
        #expect(host.tables.outcomes(of: TestHost.udp(2, 1), from: 4) == [.drop(.portNotBound)])
    }

    @Test("a thousand ports with chosen MACs are all found")
    func manyPorts() {
        let ports = (1...1000).map { TestHost.vm($0, at: $0 == 1 ? "hv1" : $0 % 2 == 0 ? "hv2" : "hv3") }
        let host = TestHost(ports)
        for number in 2...1000 {
            var frame = TestHost.udp(1, 2)
            frame.replaceSubrange(0..<6, with: TestHost.mac(number).octets)
            let place = TestHost.encap(number % 2 == 0 ? 2 : 3)
            #expect(
                host.tables.outcomes(of: frame, from: 0)
                    == [.tunnel(to: place, vni: 5, ingress: 1, egress: UInt16(number))]
            )
        }
    }

    @Test("labels of drop reasons are snake case, each once")
    func labels() {
        #expect(DropReason.ingressPortSecurity.label == "ingress_port_security")
        #expect(Set(DropReason.allCases.map(\.label)).count == DropReason.allCases.count)
    }
}
