import CLinux
import Glibc
import Reactor
import Testing
import Wire

@testable import Netdev

@Suite struct TAPDeviceTests {
    private func configuration(_ name: String = "vm1") throws -> TAPDevice.Configuration {
        TAPDevice.Configuration(
            name: name,
            logicalPort: "ls1-vm1",
            mac: MACAddress("02:ac:10:ff:00:11"),
            addresses: try ["172.16.255.11/24", "fd00:1::11/64"].map { try #require(IPPrefix($0)) },
            mtu: 1442
        )
    }

    /// The next frame of a device that `accept` takes, without its virtio header.
    private func frame(of device: Descriptor, _ accept: @escaping ([UInt8]) -> Bool) throws -> [UInt8] {
        let loop = try EventLoop()
        var frame: [UInt8] = []
        let registration = try loop.register(device.raw, reads: true, writes: false) { _ in
            var buffer = [UInt8](repeating: 0, count: 2048)
            while true {
                let count = clinux_read(device.raw, &buffer, buffer.count)
                guard count > TAPDevice.virtioHeaderByteCount else { return }
                let bytes = Array(buffer[TAPDevice.virtioHeaderByteCount..<count])
                if accept(bytes) {
                    frame = bytes
                    return loop.stop()
                }
            }
        }
        loop.schedule(after: .seconds(60)) { loop.stop() }
        loop.run()
        registration.cancel()
        return frame
    }

    /// The device once nobody has it open. Closing our descriptor is not enough: a child that another test forks holds
    /// a copy until its program begins.
    private func closedLink(_ name: String, in namespace: NetworkNamespace) throws -> Link {
        for _ in 0..<60_000 {
            if let link = try Link.find(named: name, in: namespace), !link.hasCarrier { return link }
            usleep(1000)
        }
        throw SystemError(call: "close \(name)", errno: EBUSY)
    }

    @Test func `What all queues hold together is bounded in octets`() throws {
        for (queueCount, length, superpacket) in [(1, 256, 65_536), (2, 128, 65_536), (4, 64, 65_536), (8, 64, 32_768)]
        {
            let bound = TAPDevice.QueueBound(byteCount: TAPDevice.queuedByteCount, queueCount: queueCount)
            #expect(bound.length == length && bound.superpacketByteCount == superpacket)
            #expect(queueCount * bound.length * bound.superpacketByteCount <= 16 << 20)
        }
        let large = TAPDevice.QueueBound(byteCount: 256 << 20, queueCount: 1)
        #expect(large.length == 4096 && large.superpacketByteCount == 65_536)
        // The kernel keeps to what it was told, for eight queues, too.
        let test = try TestNamespace("tap")
        var configuration = try configuration()
        configuration.queueCount = 8
        let queues = try TAPDevice.create(configuration, in: test.namespace)
        let link = try #require(try Link.find(named: "vm1", in: test.namespace))
        #expect(queues.count == 8 && link.transmitQueueLength == 64 && link.superpacketByteCountMaximum == 32_768)
    }

    @Test func `A new device arrives in its namespace as it was asked for, and carries frames both ways`() throws {
        let test = try TestNamespace("tap")
        let device = try #require(try TAPDevice.create(try configuration(), in: test.namespace).first)
        let link = try #require(try Link.find(named: "vm1", in: test.namespace))
        #expect(link.logicalPort == "ls1-vm1" && link.mac == MACAddress("02:ac:10:ff:00:11") && link.mtu == 1442)
        #expect(link.transmitQueueLength == 256 && link.isUp && link.hasCarrier && link.kind == "tun")
        #expect(link.superpacketByteCountMaximum == 65_536)
        let prefixes = try Link.addresses(in: test.namespace).filter { $0.index == link.index }.map(\.prefix)
        for prefix in try configuration().addresses { #expect(prefixes.contains(prefix)) }
        #expect(try Link.all().allSatisfy { !$0.name.hasPrefix("hdt") })

        // The guest asks for .12; the frame that comes out is its ARP request.
        let pinging = try ChildProcess.start(
            "/sbin/ip",
            arguments: ["netns", "exec", test.name, "ping", "-c1", "-W1", "172.16.255.12"],
            output: try .open("/dev/null", flags: O_WRONLY)
        )
        let request = try frame(of: device) { $0.count >= 42 && $0[12...13] == [0x08, 0x06] }
        #expect(Array(request.prefix(12)) == [255, 255, 255, 255, 255, 255, 0x02, 0xac, 0x10, 0xff, 0x00, 0x11])
        // Answered from here, the guest sends its echo request to that MAC.
        var reply = [UInt8](repeating: 0, count: TAPDevice.virtioHeaderByteCount)
        reply += request[6..<12] + [0x02, 0, 0, 0, 0, 0x0c] + request[12..<20] + [0x00, 0x02]
        reply += [0x02, 0, 0, 0, 0, 0x0c] + [172, 16, 255, 12] + request[22..<32]
        #expect(clinux_write(device.raw, reply, reply.count) == reply.count)
        let echo = try frame(of: device) { $0.count >= 98 && $0[12...13] == [0x08, 0x00] }
        #expect(Array(echo.prefix(6)) == [0x02, 0, 0, 0, 0, 0x0c])
        let loop = try EventLoop()
        _ = try loop.onExit(ofProcess: pinging) { _ in loop.stop() }
        loop.run()
    }

    @Test func `A device without demands gets a MAC and MTU of the kernel's choice`() throws {
        let test = try TestNamespace("plain")
        let device = try #require(try TAPDevice.create(.init(name: "vm2", logicalPort: "p"), in: test.namespace).first)
        let link = try #require(try Link.find(named: "vm2", in: test.namespace))
        #expect(link.mtu == 1500 && link.mac != nil)
        #expect(try TAPDevice.name(of: device) == "vm2")
        #expect(try TAPDevice.namespace(of: device).isSame(as: test.namespace))
    }

    @Test func `A device in our own namespace is only renamed`() throws {
        let test = try TestNamespace("own")
        let names = try test.namespace.run { () throws(SystemError) -> Result<[String], TAPError> in
            Result { () throws(TAPError) in
                let device = try TAPDevice.create(
                    .init(name: "vm3", logicalPort: "p"),
                    in: try system { () throws(SystemError) in try .current() }
                )
                return try system { () throws(SystemError) in
                    defer { withExtendedLifetime(device) {} }
                    return try Link.all().map(\.name)
                }
            }
        }
        #expect(try names.get() == ["lo", "vm3"])
    }

    @Test func `An open device does not keep its guest's namespace alive`() throws {
        let test = try TestNamespace("pin")
        let loop = try EventLoop()
        let device: Descriptor
        do {
            // A name and nobody else who holds the namespace.
            let name = test.name + "b"
            try runIP("netns", "add", name)
            let queues = try TAPDevice.create(.init(name: "vm1", logicalPort: "p"), in: try NetworkNamespace(name))
            device = try #require(queues.first)
            try runIP("netns", "del", name)
        }
        // With the namespace the device goes, and whoever waits for frames learns of it.
        let registration = try loop.register(device.raw, reads: true, writes: false) { _ in
            var buffer = [UInt8](repeating: 0, count: 2048)
            if clinux_read(device.raw, &buffer, buffer.count) == -Int(EBADFD) { loop.stop() }
        }
        var isTimeOut = false
        loop.schedule(after: .seconds(10)) {
            isTimeOut = true
            loop.stop()
        }
        loop.run()
        registration.cancel()
        #expect(!isTimeOut)
        let error = #expect(throws: SystemError.self) { try TAPDevice.name(of: device) }
        #expect(error?.errno == EBADFD)
        try TAPDevice.delete(device)
    }

    @Test func `A name that is taken is refused, and what is there stays`() throws {
        let test = try TestNamespace("taken")
        try runIP("-n", test.name, "link", "add", "vm1", "type", "veth", "peer", "name", "peer1")
        let error = #expect(throws: TAPError.self) { try TAPDevice.create(try configuration(), in: test.namespace) }
        #expect(error == .nameTaken("vm1", namespace: test.name))
        #expect(error?.description == "namespace \(test.name) already has a device named vm1")
        #expect(try Link.find(named: "vm1", in: test.namespace)?.kind == "veth")
    }

    @Test func `A device that cannot be made as asked leaves nothing behind`() throws {
        let test = try TestNamespace("half")
        var wrong = try configuration()
        wrong.mtu = 100_000
        #expect(throws: TAPError.self) { try TAPDevice.create(wrong, in: test.namespace) }
        wrong = try configuration()
        wrong.addresses += wrong.addresses
        let error = #expect(throws: TAPError.self) { try TAPDevice.create(wrong, in: test.namespace) }
        #expect(
            error == .system(SystemError(call: "netlink RTM_NEWADDR 172.16.255.11/24 to vm1", errno: EEXIST))
        )
        #expect(try Link.all(in: test.namespace).map(\.name) == ["lo"])
        #expect(try Link.all().allSatisfy { !$0.name.hasPrefix("hdt") })
        wrong.name = "a/b"
        #expect(throws: TAPError.invalidName("a/b")) { try TAPDevice.create(wrong, in: test.namespace) }
    }

    @Test func `A persistent device outlives its descriptor, is opened again with all it had, and is deleted`() throws {
        let test = try TestNamespace("again")
        _ = try TAPDevice.create(try configuration(), in: test.namespace)
        let between = try closedLink("vm1", in: test.namespace)
        let device = try #require(try TAPDevice.open("vm1", in: test.namespace).first)
        let link = try #require(try Link.find(named: "vm1", in: test.namespace))
        #expect(link.hasCarrier && link.index == between.index && link.mac == between.mac)
        #expect(throws: TAPError.busy("vm1", namespace: test.name)) { try TAPDevice.open("vm1", in: test.namespace) }
        try TAPDevice.delete(device)
        #expect(try Link.find(named: "vm1", in: test.namespace) == nil)
        try TAPDevice.delete(device)
    }

    @Test func `A TAP of somebody else is opened, also one with many queues; other devices are refused`() throws {
        let test = try TestNamespace("there")
        try runIP("-n", test.name, "tuntap", "add", "t0", "mode", "tap")
        try runIP("-n", test.name, "tuntap", "add", "q0", "mode", "tap", "multi_queue")
        try runIP("-n", test.name, "tuntap", "add", "t1", "mode", "tap")
        try runIP("-n", test.name, "tuntap", "add", "l3", "mode", "tun")
        try runIP("-n", test.name, "link", "add", "d0", "type", "veth", "peer", "name", "d1")
        let device = try #require(try TAPDevice.open("t0", in: test.namespace).first)
        #expect(try TAPDevice.name(of: device) == "t0")
        for (name, count) in [("q0", 3), ("t1", 1)] {
            let queues = try TAPDevice.open(name, in: test.namespace, queueCount: 3)
            #expect(try queues.map { try TAPDevice.name(of: $0) } == Array(repeating: name, count: count))
        }
        for name in ["l3", "d0"] {
            #expect(throws: TAPError.notPersistentTAP(name, namespace: test.name)) {
                try TAPDevice.open(name, in: test.namespace)
            }
        }
        #expect(throws: TAPError.absent("t9", namespace: test.name)) { try TAPDevice.open("t9", in: test.namespace) }
    }

    @Test func `A device with queues is one device, hands each flow to one of them, and is opened again with all`()
        throws
    {
        let test = try TestNamespace("queues")
        var wanted = try configuration()
        wanted.queueCount = 2
        var queues = try TAPDevice.create(wanted, in: test.namespace)
        for _ in 0..<2 {
            #expect(try queues.map { try TAPDevice.name(of: $0) } == ["vm1", "vm1"])
            // Flows differ in their source ports; the guest knows the address that they go to.
            try runIP("-n", test.name, "neigh", "replace", "172.16.255.12", "lladdr", "02:00:00:00:00:0c", "dev", "vm1")
            try test.namespace.run { () throws(SystemError) in
                for _ in 0..<64 {
                    let flow = try UDPSocket(boundTo: .ip(.v4(IPv4Address(0)), port: 0))
                    for _ in 0..<2 {
                        let target = SocketAddress.ip(.v4(IPv4Address(0xac10_ff0c)), port: 7)
                        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
                        defer { byte.deallocate() }
                        _ = try flow.send(UnsafeRawBufferPointer(byte), to: target)
                    }
                }
            }
            let flows = queues.map { queue in ports(in: queue) }
            #expect(flows.allSatisfy { !$0.isEmpty })
            #expect(Set(flows[0]).isDisjoint(with: flows[1]))
            #expect(flows[0].count + flows[1].count == 128)
            queues = []
            _ = try closedLink("vm1", in: test.namespace)
            queues = try TAPDevice.open("vm1", in: test.namespace, queueCount: 2)
        }
        try TAPDevice.delete(try #require(queues.first))
        #expect(try Link.find(named: "vm1", in: test.namespace) == nil)
    }

    /// The source ports of the UDP frames that wait in a queue.
    private func ports(in queue: Descriptor) -> [UInt16] {
        var ports: [UInt16] = []
        var buffer = [UInt8](repeating: 0, count: 2048)
        while case let count = clinux_read(queue.raw, &buffer, buffer.count), count > 0 {
            let frame = buffer[TAPDevice.virtioHeaderByteCount..<count]
            let start = frame.startIndex
            guard frame.count >= 42, frame[start + 12] == 8, frame[start + 13] == 0, frame[start + 23] == 17 else {
                continue
            }
            ports.append(UInt16(frame[start + 34]) << 8 | UInt16(frame[start + 35]))
        }
        return ports
    }
}
