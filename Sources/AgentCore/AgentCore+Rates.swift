import ForwarderProtocol
import Southbound

extension AgentCore {
    /// The order that tells the forwarder the limits of what guests send; `nil` if it knows them.
    mutating func rateOrder() -> ForwarderOrder? {
        // The forwarder has those of a newer share.
        guard !forwarder.mustWaitForCentral else { return nil }
        let rates = wantedRates
        guard rates != forwarder.sendingRates else { return nil }
        forwarder.sendingRates = rates
        return ForwarderOrder(.sendingRates(rates))
    }

    /// The limits of the ports that the forwarder has and that are bound here, as the share says.
    private var wantedRates: [PortRate] {
        boundPorts(among: forwarder.held).union(forwarder.nested.keys).sorted().compactMap { name in
            guard let logicalPort = logicalPort(of: name),
                let rate = share.binding(of: logicalPort)?.sendingRate
            else { return nil }
            return PortRate(name, rate)
        }
    }
}

extension PortRate {
    fileprivate init(_ name: String, _ rate: SendingRate) {
        let bits = rate.bitsPerSecond ?? 0
        self.init(
            port: name,
            bitsPerSecond: bits,
            burstBits: rate.burstBits ?? bits / 1000 * SendingRate.usualBurstTime,
            framesPerSecond: rate.framesPerSecond ?? 0
        )
        storms = StormRates(
            broadcasts: rate.broadcastsPerSecond ?? 0,
            multicasts: rate.multicastsPerSecond ?? 0,
            unknowns: rate.unknownsPerSecond ?? 0
        )
    }
}
