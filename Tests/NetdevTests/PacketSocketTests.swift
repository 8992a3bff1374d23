import CLinux
import Glibc
import Reactor
import Testing
import Wire

@testable import Netdev

@Suite struct PacketSocketTests {
    private let host: TestNamespace
    private let guest: TestNamespace

    init() throws {
        host = try TestNamespace("ps-host")
        guest = try TestNamespace("ps-guest")
    }

    /// A pair between both, `hd-vm1` and `eth0`.
    private func pair() throws -> Descriptor {
        let configuration = VethPair.Configuration(
            hostName: "hd-vm1",
            name: "eth0",
            logicalPort: "ls1-vm1",
            mac: MACAddress("02:ac:10:ff:00:11"),
            addresses: [try #require(IPPrefix("172.16.255.11/24"))],
            mtu: 1442
        )
        let (host, guest) = (host.namespace, guest.namespace)
        let result: Result<Descriptor, TAPError> = try host.run { () throws(TAPError) in
            try VethPair.create(configuration, in: guest, keepsDatagrams: true)
        }
        return try result.get()
    }

    /// A socket for whole frames at the guest's end.
    private func guestSocket() throws -> Descriptor {
        try guest.namespace.run { () throws(SystemError) in
            guard let link = try Link.find(named: "eth0") else { throw SystemError(call: "find eth0", errno: ENODEV) }
            return try Self.socket(of: link.index)
        }
    }

    private static func socket(of index: Int32) throws(SystemError) -> Descriptor {
        Descriptor(owning: Int32(try systemCall("packet socket") { clinux_packet_open(index, 1 << 20) }))
    }

    private func read(_ socket: Descriptor, type: [UInt8]) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<60_000 {
            let count = clinux_packet_read(socket.raw, &buffer, buffer.count, true)
            if count > 24, Array(buffer[22..<24]) == type { return Array(buffer[10..<count]) }
            if count < 0 { usleep(1000) }
        }
        throw SystemError(call: "read", errno: ETIMEDOUT)
    }

    private func write(_ frame: [UInt8], to socket: Descriptor) throws {
        let bytes = [UInt8](repeating: 0, count: 10) + frame
        try systemCall("write") { clinux_write(socket.raw, bytes, bytes.count) }
    }

    /// A frame of an experimental EtherType.
    private let frame = Array(repeating: UInt8(0xff), count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xb5] + Array(0..<50)

    @Test func `a pair is as ordered, and goes as a whole`() throws {
        let socket = try pair()
        let host = try #require(try Link.find(named: "hd-vm1", in: host.namespace))
        let link = try #require(try Link.find(named: "eth0", in: guest.namespace))
        #expect(host.kind == "veth" && host.isUp && host.logicalPort == "ls1-vm1" && host.mtu == 1442)
        #expect(link.kind == "veth" && link.isUp && link.mac == MACAddress("02:ac:10:ff:00:11") && link.mtu == 1442)
        #expect(try Link.addresses(in: self.host.namespace).allSatisfy { $0.index != host.index })
        #expect(PacketSocket.deviceIndex(of: socket) == host.index)
        try host.delete(in: self.host.namespace)
        #expect(try Link.find(named: "eth0", in: guest.namespace) == nil)
        #expect(PacketSocket.deviceIndex(of: socket) == 0)
        #expect(try Link.find(index: 0) == nil)
    }

    @Test func `a name that is taken in the guest leaves nothing behind, and what was left is replaced`() throws {
        try runIP("-n", guest.name, "link", "add", "eth0", "type", "veth", "peer", "name", "other")
        #expect(throws: TAPError.self) { try pair() }
        #expect(try Link.find(named: "hd-vm1", in: host.namespace) == nil)
        try runIP("-n", guest.name, "link", "del", "eth0")
        // As of a call that was killed midway.
        try runIP("-n", host.name, "link", "add", "hd-vm1", "type", "veth", "peer", "name", "rest")
        _ = try pair()
        #expect(try Link.find(named: "rest", in: host.namespace) == nil)
    }

    @Test func `frames go both ways, and a tag is where the sender has put it`() throws {
        let socket = try pair()
        let other = try guestSocket()
        try write(frame, to: socket)
        #expect(try read(other, type: [0x88, 0xb5]) == frame)
        let tagged = Array(frame[..<12]) + [0x81, 0, 0xa0, 7] + Array(frame[12...])
        try write(tagged, to: other)
        #expect(try read(socket, type: [0x81, 0]) == tagged)
        try write(frame, to: other)
        #expect(try read(socket, type: [0x88, 0xb5]) == frame)
    }

    @Test func `a shared device gives the frames of one VLAN, without their tag, and gets them with it`() throws {
        // One that the host's own stack is not kept from.
        try runIP("-n", host.name, "link", "add", "left", "type", "veth", "peer", "name", "right")
        try runIP("-n", host.name, "link", "set", "left", "up")
        try runIP("-n", host.name, "link", "set", "right", "up")
        let (socket, other) = try host.namespace.run { () throws(SystemError) in
            guard let left = try Link.find(named: "left"), let right = try Link.find(named: "right") else {
                throw SystemError(call: "find", errno: ENODEV)
            }
            let socket = try PacketSocket.openShared(left, tag: 7, queuedByteCount: 1 << 20)
            return (socket, try Self.socket(of: right.index))
        }
        func tagged(_ vlan: UInt8, _ mark: UInt8, kind: [UInt8] = [0x81, 0]) -> [UInt8] {
            Array(frame[..<12]) + kind + [0xa0, vlan] + Array(frame[12..<14]) + [mark] + Array(frame[15...])
        }
        for sent in [frame, tagged(8, 1), tagged(7, 2, kind: [0x88, 0xa8]), tagged(7, 3)] { try write(sent, to: other) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        var count = -Int(EAGAIN)
        while count == -Int(EAGAIN) { count = clinux_packet_read(socket.raw, &buffer, buffer.count, false) }
        #expect(Array(buffer[10..<max(10, count)]) == Array(frame[..<14]) + [3] + Array(frame[15...]))
        PacketSocket.send(frame, tag: 7, over: socket)
        #expect(try read(other, type: [0x81, 0]) == Array(frame[..<12]) + [0x81, 0, 0, 7] + Array(frame[12...]))
    }

    @Test func `a frame that does not fit is refused and gone`() throws {
        let socket = try pair()
        let other = try guestSocket()
        try write(frame, to: other)
        var buffer = [UInt8](repeating: 0, count: 50)
        var results: Set<Int> = []
        for _ in 0..<60_000 where !results.contains(-Int(EINVAL)) {
            let result = clinux_packet_read(socket.raw, &buffer, buffer.count, true)
            results.insert(result)
            if result == -Int(EAGAIN) { usleep(1000) }
        }
        #expect(results.contains(-Int(EINVAL)))
    }

    @Test func `whoever binds the socket to another device reads nothing there`() throws {
        let socket = try pair()
        try runIP("-n", host.name, "link", "add", "left", "type", "veth", "peer", "name", "right")
        try runIP("-n", host.name, "link", "set", "left", "up")
        try runIP("-n", host.name, "link", "set", "right", "up")
        let (first, second) = try host.namespace.run { () throws(SystemError) in
            guard let first = try Link.find(named: "left"), let second = try Link.find(named: "right") else {
                throw SystemError(call: "find", errno: ENODEV)
            }
            return (first.index, second.index)
        }
        let sender = try host.namespace.run { () throws(SystemError) in try Self.socket(of: first) }
        let witness = try host.namespace.run { () throws(SystemError) in try Self.socket(of: second) }
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = UInt16(3).bigEndian
        address.sll_ifindex = second
        let length = socklen_t(MemoryLayout<sockaddr_ll>.size)
        let result = withUnsafeBytes(of: &address) {
            bind(socket.raw, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), length)
        }
        #expect(result == 0)
        try write(frame, to: sender)
        #expect(try read(witness, type: [0x88, 0xb5]) == frame)
        var buffer = [UInt8](repeating: 0, count: 4096)
        var count = clinux_packet_read(socket.raw, &buffer, buffer.count, true)
        // Frames of its own device may still wait in it.
        while count > 0, Array(buffer[22..<24]) != [0x88, 0xb5] {
            count = clinux_packet_read(socket.raw, &buffer, buffer.count, true)
        }
        #expect(count < 0)
    }

    @Test func `a descriptor that is no packet socket has no device`() throws {
        #expect(PacketSocket.deviceIndex(of: try Descriptor.open("/dev/null", flags: O_RDONLY)) == nil)
        let loopback = SocketAddress.ip(.v4(IPv4Address(0x7f00_0001)), port: 0)
        #expect(PacketSocket.deviceIndex(of: try UDPSocket(boundTo: loopback).descriptor) == nil)
    }
}
