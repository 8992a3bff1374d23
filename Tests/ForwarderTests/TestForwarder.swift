import CLinux
import ForwarderProtocol
import Foundation
import Logging
import Reactor
import Southbound
import Wire

@testable import Forwarder

/// A forwarder with its control thread and pollers in this process, and the directory with its socket.
final class TestForwarder {
    let path: String
    private let directory: String
    private let stopping: Mailbox<Void>
    private let thread: Reactor.Thread

    init() throws {
        directory = NSTemporaryDirectory() + "hd-forwarder-\(UUID().uuidString.prefix(8))"
        try makeDirectory(directory)
        path = directory + "/forwarder.sock"
        let listener = try SeqPacket.listen(path: path)
        let started = try EventLoop.start(named: "control") { loop throws(SystemError) in
            var control: ForwarderControl? = try ForwarderControl(
                loop: loop,
                queueCount: 2,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            try control?.serve(listener)
            return try Mailbox<Void>(on: loop) {
                control?.stop()
                control?.disconnect()
                control = nil
                loop.stop()
            }
        }
        stopping = started.handle
        thread = started.thread
    }

    func stop() {
        stopping.send(())
        thread.join()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: directory)
    }
}

/// A port whose device is one end of a socket pair: no TAP, but one read or write is one frame as well.
struct TestGuest {
    let name: String
    let device: Descriptor
    private let end: Descriptor

    init(_ name: String) throws {
        self.name = name
        (device, end) = try SeqPacket.pair()
    }

    func send(_ frame: [UInt8]) throws {
        _ = try SeqPacket.send([UInt8](repeating: 0, count: 10) + frame, over: end)
    }

    /// The next frame; waits for it.
    func receive() throws -> [UInt8] {
        try awaitReadiness(end, POLLIN)
        var buffer = [UInt8](repeating: 0, count: 70_000)
        let received = try buffer.withUnsafeMutableBytes { try SeqPacket.receive(into: $0, from: end) }
        guard case .done(let frame) = received else { throw TestAgent.Silence() }
        return Array(buffer[10..<frame.count])
    }

    /// True if there is a frame now.
    var hasFrame: Bool { (try? awaitReadiness(end, POLLIN, 0)) != nil }
}

/// Two hosts with real sockets on loopback: what a commit for either says.
struct TestNetwork {
    /// 127.X.Y.1 and .2, different in every process and test.
    let addresses: [IPAddress]
    let sockets: [Descriptor]

    init() throws {
        var generator = SystemRandomNumberGenerator()
        let base: UInt32 = 0x7f00_0000 | UInt32.random(in: 1...0xfffe, using: &generator) << 8
        addresses = [.v4(IPv4Address(base | 1)), .v4(IPv4Address(base | 2))]
        sockets = try addresses.map { try UDPSocket(boundTo: .ip($0, port: 6081)).descriptor }
    }

    /// Port n has key n + 1 and is `port-n`; it is named `vm-n` where it is plugged.
    static func binding(_ number: Int, on host: Int, bindSeq: UInt64 = 1) -> PortBinding {
        PortBinding(
            id: ObjectID(high: 2, low: UInt64(number)),
            logicalPort: "port-\(number)",
            datapath: MemoryHosts.datapath.id,
            tunnelKey: UInt16(number + 1),
            addresses: [PortAddress(mac: MemoryHosts.mac(number), ips: [.v4(MemoryHosts.ip(number))])],
            locations: [PortBinding.Location(chassis: "host-\(host)", bindSeq: bindSeq)]
        )
    }

    static func localPort(_ number: Int) -> TestChange {
        .putPort(name: "vm-\(number)", logicalPort: "port-\(number)")
    }

    /// Returns the messages of a snapshot for a host: ports by number with their hosts.
    func records(_ host: Int, ports: [Int: Int]) -> [(TestChange, Descriptor?)] {
        let chassis = addresses.enumerated().map { number, ip in
            Chassis(name: "host-\(number)", chassisID: "\(number)", hostname: "", encaps: [Encap(ip: ip)])
        }
        let local = TestChange.setLocalChassis("host-\(host)", addresses[host])
        var messages: [TestChange] = [local, .put(.datapathBinding(MemoryHosts.datapath))]
        messages += chassis.map { .put(.chassis($0)) }
        messages += ports.sorted { $0.key < $1.key }.map { .put(.portBinding(Self.binding($0.key, on: $0.value))) }
        return messages.map { ($0, nil) }
    }

    func underlay(_ host: Int) -> (TestChange, Descriptor?) { (.underlay(addresses[host]), sockets[host]) }
}
