import Glibc
import Reactor
import Testing
import Wire

@testable import Netdev

@Suite struct LinkTests {
    /// A veth pair v0, v1 in a namespace of its own.
    private func pair() throws -> TestNamespace {
        let test = try TestNamespace("link")
        try runIP("-n", test.name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        return test
    }

    @Test func `A device is found by name and changed in every way`() throws {
        let test = try pair()
        let found = try #require(try Link.find(named: "v0", in: test.namespace))
        #expect(found.kind == "veth" && !found.isUp && found.alias == nil && found.mtu == 1500)
        let mac = try #require(MACAddress("02:00:00:00:00:01"))
        let change = LinkChange(
            name: "w0",
            alias: "heddle:ls1-vm1",
            mac: mac,
            mtu: 1442,
            transmitQueueLength: 4000,
            isUp: true
        )
        try found.apply(change, in: test.namespace)
        let changed = try #require(try Link.find(named: "w0", in: test.namespace))
        #expect(changed.index == found.index && changed.alias == "heddle:ls1-vm1" && changed.mac == mac)
        #expect(changed.mtu == 1442 && changed.transmitQueueLength == 4000 && changed.isUp)
        #expect(changed.logicalPort == "ls1-vm1")
        try changed.apply(LinkChange(alias: "", isUp: false), in: test.namespace)
        let restored = try #require(try Link.find(named: "w0", in: test.namespace))
        #expect(restored.alias == nil && !restored.isUp)
    }

    @Test func `A refused request throws its errno and says what it was`() throws {
        let test = try pair()
        let link = try #require(try Link.find(named: "v0", in: test.namespace))
        let taken = #expect(throws: SystemError.self) { try link.apply(LinkChange(name: "v1"), in: test.namespace) }
        #expect(taken == SystemError(call: "netlink RTM_NEWLINK v0", errno: EEXIST))
        try link.delete(in: test.namespace)
        #expect(try Link.find(named: "v0", in: test.namespace) == nil)
        let gone = #expect(throws: SystemError.self) { try link.delete(in: test.namespace) }
        #expect(gone == SystemError(call: "netlink RTM_DELLINK v0", errno: ENODEV))
    }

    @Test func `A device is moved and renamed in one step`() throws {
        let test = try pair()
        let other = try TestNamespace("dest")
        let link = try #require(try Link.find(named: "v0", in: test.namespace))
        try link.move(to: other.namespace, applying: LinkChange(name: "eth0", mtu: 1400), in: test.namespace)
        #expect(try Link.find(named: "v0", in: test.namespace) == nil)
        #expect(try Link.find(named: "eth0", in: other.namespace)?.mtu == 1400)
    }

    @Test func `Addresses are added and listed, and tell the device and MTU they are on`() throws {
        let test = try pair()
        let link = try #require(try Link.find(named: "v0", in: test.namespace))
        let prefixes = try ["10.1.2.3/24", "fd00:1::5/64"].map { try #require(IPPrefix($0)) }
        for prefix in prefixes { try link.add(prefix, in: test.namespace) }
        try link.apply(LinkChange(mtu: 1400, isUp: true), in: test.namespace)
        let listed = try Link.addresses(in: test.namespace).filter { $0.index == link.index }
        for prefix in prefixes {
            #expect(listed.contains { $0.prefix == prefix })
            #expect(try Link.mtu(ofAddress: prefix.address, in: test.namespace) == 1400)
            #expect(try Link.find(address: prefix.address, in: test.namespace)?.name == "v0")
        }
        let again = #expect(throws: SystemError.self) { try link.add(prefixes[0], in: test.namespace) }
        #expect(again == SystemError(call: "netlink RTM_NEWADDR 10.1.2.3/24 to v0", errno: EEXIST))
        #expect(try Link.mtu(ofAddress: .v4(IPv4Address(0x0909_0909)), in: test.namespace) == nil)
    }

    @Test func `More devices than fit one datagram are all listed`() throws {
        let test = try TestNamespace("many")
        for number in 0..<20 {
            try runIP("-n", test.name, "link", "add", "a\(number)", "type", "veth", "peer", "name", "b\(number)")
        }
        #expect(
            Set(try Link.all(in: test.namespace).map(\.name))
                == Set(["lo"] + (0..<20).flatMap { ["a\($0)", "b\($0)"] })
        )
    }

    @Test func `Names the kernel would refuse or fill in are invalid`() {
        for name in ["v", "vm1", "tap0.100", "a-b_c@d", "123456789012345", "ä"] { #expect(Link.isValidName(name)) }
        for name in ["", ".", "..", "1234567890123456", "a/b", "a:b", "a b", "a\tb", "hdt%d", "a\u{7f}"] {
            #expect(!Link.isValidName(name), "\(name)")
        }
    }
}
