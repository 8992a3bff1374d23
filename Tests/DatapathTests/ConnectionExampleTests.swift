import Foundation
import Southbound
import Testing
import Wire

@testable import Datapath

/// The examples of docs/acls.md, as they are written there, between ports of one host.
@Suite struct ConnectionExampleTests {
    /// A section's ACLs on a switch with the ports that its groups name, in this order, and a stranger.
    private struct Example {
        var host: TestHost
        let memory: ConnectionMemory
        let number: [String: Int]

        init(_ title: String) throws {
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../docs/acls.md")
            let document = try String(contentsOf: file, encoding: .utf8)
            let section = try #require(document.components(separatedBy: "\n## ").first { $0.hasPrefix(title + "\n") })
            var filter = PacketFilter(acls: [])
            var number: [String: Int] = [:]
            for match in section.matches(of: #/\{name: (\w+), ports: \[([^\]]*)\]\}/#) {
                let names = match.2.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                for name in names where number[name] == nil { number[name] = number.count + 1 }
                let numbers = names.compactMap { number[$0] }
                filter.portGroups[String(match.1)] = numbers.map { UInt16($0) }
                filter.addressSets["\(match.1)_ip4"] = numbers.map { IPPrefix(host: .v4(TestHost.ipv4($0))) }
            }
            number["stranger"] = number.count + 1
            self.number = number
            let acl =
                #/
                \{name:\ ([\w-]+),\ port_group:\ \w+,\ direction:\ ([\w-]+),\ priority:\ (\d+),
                \ action:\ ([\w-]+),\s+match:\ "([^"]+)"\}
                /#
            let found = try section.matches(of: acl).map { match in
                let rule = PacketFilter.Rule(
                    name: String(match.1),
                    direction: try #require(PacketFilter.Direction(rawValue: String(match.2))),
                    tier: 0,
                    match: String(match.5),
                    action: try #require(PacketFilter.Action(rawValue: String(match.4)))
                )
                return (priority: Int(match.3) ?? 0, rule: rule)
            }
            #expect(found.count == section.components(separatedBy: "port_group:").count - 1)
            filter.acls = found.sorted { $0.priority > $1.priority }.map(\.rule)
            memory = try ConnectionMemory()
            host = TestHost((1...number.count).map { TestHost.vm($0, at: "hv1") })
            host.update(at: .zero) { $0.datapaths[0].filter = filter }
        }

        /// True if one may ask another, and gets the answer.
        func isOpen(_ sender: String, _ receiver: String, _ port: UInt16) -> Bool {
            passes(sender, receiver, 40_000, port) && passes(receiver, sender, port, 40_000)
        }

        func passes(_ sender: String, _ receiver: String, _ from: UInt16, _ to: UInt16) -> Bool {
            let (source, destination) = (number[sender] ?? 0, number[receiver] ?? 0)
            let isAnswer = from != 40_000
            let header = TCPHeader(
                sourcePort: from,
                destinationPort: to,
                sequenceNumber: isAnswer ? 500 : 100,
                acknowledgmentNumber: isAnswer ? 101 : 0,
                flags: isAnswer ? TCPFlags.synchronize | TCPFlags.acknowledgment : TCPFlags.synchronize,
                window: 1000
            )
            let packet = FrameBuilder.ipv4(
                TestHost.ipv4(source),
                TestHost.ipv4(destination),
                protocolNumber: IPProtocol.tcp,
                payload: FrameBuilder.written(TCPHeader.minimumByteCount) { header.write(to: &$0) }
            )
            let bytes = FrameBuilder.ethernet(
                TestHost.mac(source),
                TestHost.mac(destination),
                EtherType.ipv4,
                payload: packet
            )
            let slot = UInt16(source - 1)
            let connections = memory.connections
            let outcomes = host.tables.view.outcomes(of: bytes, from: slot, connections: connections, now: .seconds(1))
            return outcomes == [.local(slot: UInt16(destination - 1))]
        }
    }

    @Test func `A security group of OpenStack`() throws {
        let example = try Example("A security group of OpenStack")
        #expect(example.isOpen("vm-1", "stranger", 80))
        #expect(example.isOpen("vm-1", "vm-2", 80))
        #expect(example.isOpen("stranger", "vm-1", 22))
        #expect(!example.isOpen("stranger", "vm-1", 80))
    }

    @Test func `A network policy of Kubernetes`() throws {
        let example = try Example("A network policy of Kubernetes")
        #expect(example.isOpen("pod-1", "pod-2", 5432))
        #expect(!example.isOpen("pod-1", "pod-2", 80))
        #expect(!example.isOpen("stranger", "pod-2", 5432))
        #expect(example.isOpen("pod-2", "stranger", 53))
        #expect(!example.isOpen("pod-2", "pod-1", 80))
    }

    @Test func `Three tiers`() throws {
        let example = try Example("Three tiers")
        #expect(example.isOpen("stranger", "web-1", 443))
        #expect(example.isOpen("web-1", "app-1", 8080))
        #expect(example.isOpen("app-1", "data-1", 5432))
        #expect(!example.isOpen("web-1", "data-1", 5432))
        #expect(!example.isOpen("stranger", "app-1", 8080))
        #expect(!example.isOpen("data-1", "web-1", 22))
    }
}
