import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Virtual ports: who may claim the address, and where frames for it go.
@Suite struct VirtualClaimTests {
    private static let ip = TestHost.ipv4(100)
    private static let ip6 = TestHost.ipv6(100)
    private static let mac = MACAddress(truncating: 0x5e00_010a)

    /// `vm1` and `vm2` are here, `vm3` on another host; all but `vm2` are parents.
    private static func host(
        _ address: IPAddress = .v4(ip),
        at chassis: String? = nil,
        parent: String? = nil
    ) -> TestHost {
        var port = TestHost.vm(9, at: nil)
        port.addresses = [PortAddress(mac: mac)]
        port.virtualIP = address
        port.virtualParents = ["vm1", "vm3", "vm4"]
        if let chassis { port.locations = [PortBinding.Location(chassis: chassis, bindSeq: 2, parent: parent)] }
        return TestHost([
            TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"),
            TestHost.vm(4, at: "hv1"), port,
        ])
    }

    private static func arp(
        _ operation: UInt16,
        from vm: Int,
        _ sender: IPv4Address,
        _ target: IPv4Address
    ) -> [UInt8] {
        let packet = ARPPacket(
            operation: operation,
            senderMAC: TestHost.mac(vm),
            senderIP: sender,
            targetMAC: .zero,
            targetIP: target
        )
        let destination = operation == ARPPacket.request ? MACAddress.broadcast : TestHost.mac(2)
        return FrameBuilder.ethernet(TestHost.mac(vm), destination, EtherType.arp, payload: FrameBuilder.arp(packet))
    }

    /// The virtual port that a frame from a slot claims.
    private static func claim(_ frame: [UInt8], from slot: UInt16, _ host: TestHost) -> ObjectID? {
        var bytes = frame
        let room = VerdictRoom()
        let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: Verdict.replyByteCountMaximum, alignment: 64)
        defer {
            room.deallocate()
            reply.deallocate()
        }
        let cache = FlowCache()
        return bytes.withUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return nil }
            let tables = host.tables.view
            let frame = Frame(base, byteCount: memory.count)
            // Twice, as a decision that is kept tells nothing.
            _ = tables.decide(on: frame, from: slot, cache, reply: reply, into: room)
            let first = room.verdict.pointee.takeClaim()
            #expect(room.verdict.pointee.takeClaim() == nil)
            _ = tables.decide(on: frame, from: slot, cache, reply: reply, into: room)
            #expect(room.verdict.pointee.takeClaim() == first)
            return first
        }
    }

    @Test("a parent claims the address by a gratuitous request and by a reply, and by nothing else")
    func arp() {
        let host = Self.host()
        let id = host.input.ports[4].id
        #expect(Self.claim(Self.arp(1, from: 1, Self.ip, Self.ip), from: 0, host) == id)
        #expect(Self.claim(Self.arp(2, from: 1, Self.ip, TestHost.ipv4(2)), from: 0, host) == id)
        #expect(Self.claim(Self.arp(1, from: 1, Self.ip, TestHost.ipv4(2)), from: 0, host) == nil)
        #expect(Self.claim(Self.arp(1, from: 1, TestHost.ipv4(1), Self.ip), from: 0, host) == nil)
        #expect(Self.claim(Self.arp(3, from: 1, Self.ip, Self.ip), from: 0, host) == nil)
        #expect(Self.claim(Self.arp(1, from: 1, TestHost.ipv4(1), TestHost.ipv4(1)), from: 0, host) == nil)
    }

    @Test("a parent claims an IPv6 address by a neighbor advertisement that no router has sent on")
    func neighborAdvertisement() {
        let host = Self.host(.v6(Self.ip6))
        let message = NeighborMessage(kind: .advertisement, target: Self.ip6, targetMAC: TestHost.mac(1))
        let all = IPv6Address(high: 0xff02 << 48, low: 1)
        let frame = TestHost.neighbor(1, message, from: Self.ip6, to: all)
        #expect(Self.claim(frame, from: 0, host) == host.input.ports[4].id)
        #expect(Self.claim(TestHost.neighbor(1, message, to: TestHost.ipv6(2)), from: 0, host) != nil)
        #expect(Self.claim(TestHost.neighbor(1, message, to: all, hopLimit: 64), from: 0, host) == nil)
        for count in frame.indices.dropFirst(14) { #expect(Self.claim(Array(frame[..<count]), from: 0, host) == nil) }
    }

    @Test("who is no parent, or has no port security to say so, claims nothing")
    func strangers() {
        var host = Self.host()
        let frame = Self.arp(1, from: 2, Self.ip, Self.ip)
        #expect(Self.claim(frame, from: 1, host) == nil)
        let own = PortSecurityEntry(mac: TestHost.mac(1), prefixes: [IPPrefix(host: .v4(TestHost.ipv4(1)))])
        host.update(at: .zero) { $0.ports[0].portSecurity = [own] }
        #expect(Self.claim(Self.arp(1, from: 1, Self.ip, Self.ip), from: 0, host) == nil)
        var both = own
        both.prefixes.append(IPPrefix(host: .v4(Self.ip)))
        host.update(at: .zero) { $0.ports[0].portSecurity = [both] }
        #expect(Self.claim(Self.arp(1, from: 1, Self.ip, Self.ip), from: 0, host) != nil)
        host.update(at: .zero) { $0.ports[4].isEnabled = false }
        #expect(Self.claim(Self.arp(1, from: 1, Self.ip, Self.ip), from: 0, host) == nil)
    }

    @Test("the parent that has the address says nothing new; another one does, here or elsewhere")
    func holder() {
        let frame = Self.arp(1, from: 1, Self.ip, Self.ip)
        #expect(Self.claim(frame, from: 0, Self.host(at: "hv1", parent: "vm1")) == nil)
        #expect(Self.claim(frame, from: 0, Self.host(at: "hv1", parent: "vm4")) != nil)
        #expect(Self.claim(frame, from: 0, Self.host(at: "hv2", parent: "vm3")) != nil)
    }

    @Test("frames for the virtual port's MAC address go to the parent that has it, by the parent's port security")
    func output() {
        let packet = FrameBuilder.ipv4(TestHost.ipv4(2), Self.ip, payload: FrameBuilder.udp(9, 9))
        let frame = FrameBuilder.ethernet(TestHost.mac(2), Self.mac, EtherType.ipv4, payload: packet)
        var host = Self.host(at: "hv1", parent: "vm4")
        #expect(host.tables.outcomes(of: frame, from: 1) == [.local(slot: 3)])
        host.update(at: .zero) { $0.ports[4].locations[0].parent = "vm1" }
        #expect(host.tables.outcomes(of: frame, from: 1) == [.local(slot: 0)])
        host.update(at: .zero) { $0.plugged.removeFirst() }
        #expect(host.tables.outcomes(of: frame, from: 1) == [.drop(.destinationNotPlugged)])
        host.update(at: .zero) { $0.plugged.append(Device(logicalPort: "vm1", slot: 7)) }
        #expect(host.tables.outcomes(of: frame, from: 1) == [.local(slot: 7)])
        host.update(at: .zero) { $0.ports[0].portSecurity = [PortSecurityEntry(mac: TestHost.mac(1))] }
        #expect(host.tables.outcomes(of: frame, from: 1) == [.copyDropped(.egressPortSecurity, slot: 7)])
        host.update(at: .zero) { $0.ports[4].locations = [] }
        #expect(host.tables.outcomes(of: frame, from: 1) == [.drop(.destinationNotBound)])
    }
}
