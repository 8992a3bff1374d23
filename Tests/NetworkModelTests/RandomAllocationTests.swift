import JSON
import NetworkModel
import Persistent
import TestSupport
import Testing
import Wire

/// Random edits of switches that give addresses, against an oracle that looks at every address.
@Suite struct RandomAllocationTests {
    private static let subnets = ["10.0.0.0/29", "10.0.0.9/28", "10.0.0.32/27", "10.0.0.0/26"]
    private static let switches = ["ls1", "ls2", "ls3"]

    @Test(arguments: UInt64(0)..<12)
    func `no address is given twice, the lowest free one is given, and a reload goes on alike`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = AllocationBench(macPrefix: "0a:00:00")
        for name in Self.switches { bench.put(switch: name, [:]) }
        for _ in 0..<120 {
            let operation = Self.operation(&generator)
            // A network that was read from its rows gives what the one that has lived on gives.
            let reloaded = AllocationBench(macPrefix: "0a:00:00")
            let isReloaded = Int.random(in: 0..<8, using: &generator) == 0
            if isReloaded { reloaded.bench.network = try Self.reloaded(bench.bench.network) }
            reloaded.bench.generator = bench.bench.generator
            let before = bench.database
            let line = bench.bench.run(operation)
            if isReloaded { #expect(reloaded.bench.run(operation) == line) }
            Self.check(bench.database, after: before, line)
        }
    }

    private static func reloaded(_ network: Network) throws -> Network {
        var pieces = network.rows
        var rows: [StoredRow] = []
        while true {
            let piece = pieces.piece(of: 100)
            if piece.isEmpty { break }
            rows += piece
        }
        return try Network(epoch: network.epoch, revision: network.revision, rows: rows)
    }

    private static func operation(_ generator: inout SeededGenerator) -> Operation {
        let home = switches.randomElement(using: &generator) ?? ""
        if Int.random(in: 0..<6, using: &generator) == 0 {
            let subnet = Bool.random(using: &generator) ? subnets.randomElement(using: &generator) : nil
            var body = JSONObject()
            body["subnet"] = subnet.map { .string($0) } ?? .null
            body["exclude_ips"] = subnet == nil ? [] : excluded(&generator)
            body["ipv6_prefix"] = ["2001:db8::", "2001:db8:1::", .null].randomElement(using: &generator)
            body["mac_only"] = .bool(subnet == nil && body["ipv6_prefix"] == .null)
            return Operation(.logicalSwitch, .patch(.name(home), body: .object(body)))
        }
        let name = "p\(Int.random(in: 0..<40, using: &generator))"
        if Int.random(in: 0..<4, using: &generator) == 0 {
            return Operation(.logicalSwitchPort, .delete(.name(name), refusingPorts: false))
        }
        let ip = "10.0.0.\(Int.random(in: 0..<64, using: &generator))"
        let mac =
            "\(["0a:00:00", "02:00:00"].randomElement(using: &generator) ?? ""):00:00:0"
            + String(Int.random(in: 1..<16, using: &generator), radix: 16)
        let addresses =
            [
                ["dynamic"], ["dynamic"], ["dynamic \(ip)"], ["\(mac) dynamic"], ["\(mac) \(ip)"],
                ["\(mac) \(ip)", "dynamic"],
                ["dynamic", "unknown"], [],
            ].randomElement(using: &generator) ?? []
        let body: JSONValue = ["switch": .string(home), "addresses": .array(addresses.map { .string($0) })]
        return Operation(.logicalSwitchPort, .replace(.name(name), body: body))
    }

    private static func excluded(_ generator: inout SeededGenerator) -> JSONValue {
        let ranges = (0..<Int.random(in: 0..<4, using: &generator)).map { _ -> JSONValue in
            let first = Int.random(in: 1..<16, using: &generator)
            return .string("10.0.0.\(first)..10.0.0.\(Int.random(in: first..<first + 5, using: &generator))")
        }
        return .array(ranges)
    }

    /// Checks all that is true after every operation, by looking at all addresses.
    private static func check(_ database: NorthboundDatabase, after before: NorthboundDatabase, _ line: String) {
        var givenMACs: Set<MACAddress> = []
        for port in database.ports.values {
            let wanted = port.value.addresses.first { $0.contains("dynamic") }
            #expect((wanted != nil) == (port.value.status.dynamicAddresses != nil))
            if wanted?.hasPrefix("dynamic") == true, let mac = port.value.givenMAC {
                #expect(givenMACs.insert(mac).inserted, "\(mac) was given twice")
            }
        }
        for home in database.switches.values {
            var seen: Set<IPAddress> = []
            for port in database.ports.values where port.value.switchID == home.id {
                for case .known(_, let ips) in port.value.logicalAddresses {
                    for ip in ips { #expect(seen.insert(ip).inserted, "\(ip) is there twice") }
                }
            }
        }
        guard line.hasPrefix("created"), let port = created(in: database, after: before),
            port.value.addresses.contains("dynamic"), let home = database.switches[port.value.switchID]?.value
        else { return }
        let ipv4 = port.value.dynamicIPs.compactMap { if case .v4(let address) = $0 { address } else { nil } }.first
        #expect(ipv4 == lowest(of: home, in: database, without: port))
        if let prefix = home.ipv6Prefix, case .v6(let address) = prefix.address, let mac = port.value.givenMAC {
            #expect(port.value.dynamicIPs.contains(.v6(mac.ipv6Address(inPrefix: address.high))))
        }
    }

    private static func created(
        in database: NorthboundDatabase,
        after before: NorthboundDatabase
    ) -> Stored<LogicalSwitchPort>? {
        database.ports.values.first { before.ports[$0.id] == nil }
    }

    /// The lowest address of a subnet that is free but for a port's dynamic one.
    private static func lowest(
        of home: LogicalSwitch,
        in database: NorthboundDatabase,
        without new: Stored<LogicalSwitchPort>
    ) -> IPv4Address? {
        guard let subnet = home.subnet, case .v4(let some) = subnet.address else { return nil }
        let size = UInt32(1) << UInt32(32 - subnet.length)
        let network = some.rawValue / size * size
        var used: Set<IPAddress> = []
        for port in database.ports.values where port.value.switchID == new.value.switchID {
            for (text, address) in zip(port.value.addresses, port.value.logicalAddresses) {
                guard case .known(_, let ips) = address else { continue }
                if port.id != new.id || !text.contains("dynamic") { used.formUnion(ips) }
            }
        }
        for value in network + 2..<network + size - 1 {
            let address = IPv4Address(value)
            let isExcluded = home.excludedIPs.ranges.contains { $0.first <= address && address <= $0.last }
            if !isExcluded, !used.contains(.v4(address)) { return address }
        }
        return nil
    }

    /// The time of an allocation must not grow with what is used: 1,000,000 addresses of a /12, in ranges that are
    /// excluded and at ports.
    @Test func `a port in a large subnet that is nearly full costs what one in an empty one costs`() {
        func bench(_ used: Int) -> AllocationBench {
            let bench = AllocationBench(macPrefix: "0a:00:00")
            let first = IPv4Address("10.16.0.2")?.rawValue ?? 0
            // Ranges that leave an address between each two, and those are at ports.
            let rangeCount = 250
            let length = UInt32(used / rangeCount)
            let ranges = (0..<UInt32(rangeCount)).map { index -> JSONValue in
                let start = IPv4Address(first + index * (length + 1))
                return .string("\(start)..\(IPv4Address(start.rawValue + length - 1))")
            }
            bench.put(switch: "ls1", ["subnet": "10.16.0.0/12", "exclude_ips": .array(ranges)])
            for number in 0..<used / 1000 { bench.put("p\(number)", on: "ls1") }
            return bench
        }
        let growth = workGrowth(from: 125_000) { used in
            let bench = bench(used)
            return {
                for number in 0..<100 { bench.put("new\(number)", on: "ls1") }
                for number in 0..<100 { bench.delete("new\(number)") }
            }
        }
        #expect(growth < 4)
    }
}

extension LogicalSwitchPort {
    /// The IP addresses that central has completed.
    fileprivate var dynamicIPs: [IPAddress] {
        if case .known(_, let ips)? = status.dynamicAddresses { ips } else { [] }
    }
}
