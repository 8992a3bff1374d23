import ForwarderProtocol
import Match
import Southbound
import Testing
import Wire

@testable import AgentCore

@Suite struct MirrorTests {
    private static func session(_ number: UInt64, _ type: MirrorSession.Sink, _ sink: String) -> Record {
        let id = ObjectID(high: 9, low: number)
        return .mirrorSession(MirrorSession(id: id, type: type, filter: .fromPort, sink: sink, index: 5))
    }

    private static func port(_ number: UInt16, mirrors: [UInt64]) -> Record {
        guard case .portBinding(var binding) = Sample.port(number, on: "hv1") else { return Sample.port(number) }
        binding.mirrors = mirrors.map { ObjectID(high: 9, low: $0) }
        return .portBinding(binding)
    }

    /// An agent of hv1 with `tap1` and `tap2`, the ports of vm1 and vm2, and what it has told its forwarder last.
    private struct Bench {
        var agent = Scenario()
        var told: [MirrorOrder]?

        init(_ records: [Record]) {
            agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1, Sample.ls1] + records))
            for number in 1...2 {
                let name = "tap\(number)"
                let wanted = PortSpecification(name: name, logicalPort: "vm\(number)", interface: name)
                step(.portAdd(UInt64(number), PortRequest(specification: wanted)))
                step(.deviceOpened(port: name, .success(Device(isOwned: true, mac: nil))))
                step(.portsSaved(save: UInt64(number), failure: nil))
                step(.forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
            }
        }

        mutating func step(_ event: Event) {
            for case .forward(let orders) in agent.step("", event) {
                for order in orders { if case .mirrors(let mirrors) = order.message { told = mirrors } }
            }
        }

        mutating func change(to revision: UInt64, _ records: [Record]) {
            told = nil
            let answer = Scenario.delta(from: revision - 1, to: revision, records.map { .put($0) })
            step(.syncAnswered(sequence: agent.core.sync.sequence, answer))
            step(.forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: revision)))
        }
    }

    private static let gre = MirrorOrder.Sink.gre(.v4(IPv4Address(0xc000_0209)), key: 5)

    private static func order(
        of ports: [String],
        to sink: MirrorOrder.Sink,
        _ filter: MatchProgram = .always
    ) -> MirrorOrder {
        MirrorOrder(ports: ports, copiesSent: true, copiesReceived: false, sink: sink, filter: filter)
    }

    @Test func `The forwarder is told the mirrors of ports bound here, as far as this host has their sinks`() {
        var bench = Bench([
            Self.port(1, mirrors: [1, 2, 3, 4]), Self.port(2, mirrors: [1]), Self.session(1, .gre, "192.0.2.9"),
            Self.session(2, .logicalPort, "vm2"), Self.session(3, .local, "nobody"),
            Self.session(4, .logicalPort, "elsewhere"),
        ])
        #expect(
            bench.told == [
                Self.order(of: ["tap1", "tap2"], to: Self.gre), Self.order(of: ["tap1"], to: .port("tap2")),
            ]
        )
        bench.change(to: 5, [Sample.port(2)])
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre)])
        bench.change(to: 6, [Self.port(1, mirrors: [])])
        #expect(bench.told == [])
        bench.change(to: 7, [Sample.port(2, on: "hv1")])
        #expect(bench.told == nil)
    }

    @Test func `Rules are told as steps, and if they cannot be read nothing is copied`() throws {
        func session(_ matches: [String]) -> Record {
            let rules = matches.map { MirrorSession.Rule(priority: 1, match: $0, action: .skip) }
            let id = ObjectID(high: 9, low: 1)
            return .mirrorSession(
                MirrorSession(id: id, type: .gre, filter: .fromPort, sink: "192.0.2.9", index: 5, rules: rules)
            )
        }
        let filter = MatchProgram([(try MatchExpression("tcp.dst == 22"), false)], otherwise: true)
        var bench = Bench([Self.port(1, mirrors: [1]), session(["tcp.dst == 22"])])
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre, filter)])
        let none = MatchProgram([], otherwise: false)
        bench.change(to: 5, [session(["later.than == 7"])])
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre, none)])
        bench.change(to: 6, [session([])])
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre)])
        bench.change(to: 7, [session((0..<40).map { "tcp.dst == \($0)" })])
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre, none)])
        bench.change(to: 8, [session([(0..<200).map { "tcp.dst == \($0)" }.joined(separator: " || ")])])
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre, none)])
    }

    @Test func `A forwarder that was told by an earlier agent is told again, and one that has no tables is not`() {
        var bench = Bench([Self.port(1, mirrors: [1]), Self.session(1, .gre, "192.0.2.9")])
        bench.told = nil
        bench.step(.forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        bench.step(.deviceOpened(port: "tap1", .success(Device(isOwned: true, mac: nil))))
        bench.step(.deviceOpened(port: "tap2", .success(Device(isOwned: true, mac: nil))))
        #expect(bench.told == [Self.order(of: ["tap1"], to: Self.gre)])
    }
}
