import ForwarderProtocol
import Southbound
import Testing
import Wire

@testable import AgentCore

@Suite struct RateTests {
    private static func port(_ rate: SendingRate?) -> Record {
        guard case .portBinding(var binding) = Sample.port(1, on: "hv1") else { return Sample.port(1) }
        binding.sendingRate = rate
        return .portBinding(binding)
    }

    @Test func `The forwarder is told the limits of ports bound here, and of their changes`() {
        var agent = Scenario()
        var told: [PortRate]?
        func step(_ event: Event) {
            for case .forward(let orders) in agent.step("", event) {
                for order in orders { if case .sendingRates(let rates) = order.message { told = rates } }
            }
        }
        let rate = SendingRate(bitsPerSecond: 10_000_000)
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1, Sample.ls1, Self.port(rate)]))
        let wanted = PortSpecification(name: "tap1", logicalPort: "vm1", interface: "tap1")
        step(.portAdd(1, PortRequest(specification: wanted)))
        step(.deviceOpened(port: "tap1", .success(Device(isOwned: true, mac: nil))))
        step(.portsSaved(save: 1, failure: nil))
        step(.forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        #expect(told == [PortRate(port: "tap1", bitsPerSecond: 10_000_000, burstBits: 200_000, framesPerSecond: 0)])
        var storms = SendingRate()
        storms.broadcastsPerSecond = 10
        storms.unknownsPerSecond = 30
        var stormRate = PortRate(port: "tap1", bitsPerSecond: 0, burstBits: 0, framesPerSecond: 0)
        stormRate.storms = StormRates(broadcasts: 10, unknowns: 30)
        let changes: [(SendingRate?, [PortRate]?)] = [
            (
                SendingRate(bitsPerSecond: 64_000, burstBits: 5, framesPerSecond: 7),
                [PortRate(port: "tap1", bitsPerSecond: 64_000, burstBits: 5, framesPerSecond: 7)]
            ), (storms, [stormRate]), (nil, []), (nil, nil),
        ]
        for (number, change) in changes.enumerated() {
            told = nil
            let revision = UInt64(5 + number)
            let answer = Scenario.delta(from: revision - 1, to: revision, [.put(Self.port(change.0))])
            step(.syncAnswered(sequence: agent.core.sync.sequence, answer))
            step(.forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: revision)))
            #expect(told == change.1)
        }
    }
}
