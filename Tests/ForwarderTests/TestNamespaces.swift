import Foundation
import Netdev
import Reactor
import Wire

/// Network namespaces of a test, each with a guest's TAP device in it; gone with this object.
final class TestNamespaces {
    /// True if this process may make namespaces and devices.
    static let isPossible = geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/net/tun")

    let names: [String]
    private(set) var devices: [Descriptor] = []

    /// Namespace n has the device `tap0` of port n, with its MAC and address.
    init(count: Int) throws {
        let tag = UUID().uuidString.prefix(6)
        names = (0..<count).map { "hd-fw-\(tag)-\($0)" }
        for (number, name) in names.enumerated() {
            guard run("ip", "netns", "add", name) else { throw TestAgent.Silence() }
            var configuration = TAPDevice.Configuration(name: "tap0", logicalPort: "port-\(number)")
            configuration.mac = MemoryHosts.mac(number)
            configuration.addresses = IPPrefix("\(MemoryHosts.ip(number))/24").map { [$0] } ?? []
            configuration.mtu = 1442
            devices += try TAPDevice.create(configuration, in: NetworkNamespace(name))
        }
    }

    deinit {
        for name in names { run("ip", "netns", "delete", name) }
    }

    /// True if all of `count` pings from one guest to another are answered.
    func pings(from source: Int, to target: Int, count: Int, byteCount: Int = 56) -> Bool {
        inside(
            source,
            "ping",
            "-q",
            "-c",
            "\(count)",
            "-i",
            "0.01",
            "-W",
            "2",
            "-s",
            "\(byteCount)",
            "-M",
            "do",
            "\(MemoryHosts.ip(target))"
        )
    }

    @discardableResult
    func inside(_ number: Int, _ command: String...) -> Bool {
        run(["ip", "netns", "exec", names[number]] + command)
    }

    @discardableResult
    private func run(_ command: String...) -> Bool { run(command) }

    private func run(_ command: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
