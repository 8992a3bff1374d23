import Wire

extension PortBinding {
    /// The place that a guest moves to, if there is one.
    public var standby: Location? { locations.first { $0.state == .standby } }

    /// A number of the port's standby place on a chassis: forwarders tell by it that its guest has announced itself. No
    /// other place has it, of whichever port and time, as far as 64 bits of a hash go. `nil` if the port is not standby
    /// there; never 0.
    public func activationMark(on chassis: String) -> UInt64? {
        guard let place = locations.first(where: { $0.chassis == chassis && $0.state == .standby }) else { return nil }
        var mark: UInt64 = 0
        for word in [id.high, id.low, place.bindSeq] {
            // The finalizer of SplitMix64.
            mark = (mark ^ word) &+ 0x9e37_79b9_7f4a_7c15
            mark = (mark ^ mark >> 30) &* 0xbf58_476d_1ce4_e5b9
            mark = (mark ^ mark >> 27) &* 0x94d0_49bb_1331_11eb
            mark ^= mark >> 31
        }
        return mark == 0 ? 1 : mark
    }

    /// The binding as it will be when the guest's activation of its place on a chassis has reached central: that place
    /// is active, beside the one before.
    public func activated(on chassis: String) -> PortBinding {
        var binding = self
        for index in locations.indices where locations[index].chassis == chassis {
            binding.locations[index].state = .active
        }
        return binding
    }
}
