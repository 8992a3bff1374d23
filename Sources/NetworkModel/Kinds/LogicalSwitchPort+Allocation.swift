import Persistent
import Wire

extension LogicalSwitchPort {
    /// True if the port has, or had, a dynamic address or a tag, or if its guards may have a new default.
    public var asksForAllocation: Bool {
        parentName != nil || status.tag != nil || dynamicAddress != nil || status.dynamicAddresses != nil
            || status.isGuarded == portSecurity.isEmpty
    }

    /// Completes the dynamic address, as OVN's IPAM does: what the user says, else what the port has already, else the
    /// lowest free IPv4 address of the switch's subnet, the MAC address that goes with it, and the IPv6 address that
    /// the MAC address makes.
    ///
    /// Refuses what OVN only warns of: a switch that gives no addresses, one that has none left, and an address that is
    /// not the switch's.
    public mutating func allocate(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal) {
        noteGuards(since: transaction.network.northbound.ports[id]?.value)
        try allocateTag(id, in: transaction)
        guard let (place, wanted) = dynamicAddress else {
            status.dynamicAddresses = nil
            return
        }
        let pointer = "/addresses/\(place)"
        guard let home = transaction.network.northbound.switches[switchID]?.value else { return }
        try home.checkGives(wanted, pointer)
        let old = transaction.network.northbound.ports[id]
        var (mac, ipv4) = (wanted.mac, wanted.ipv4)
        if case .known(let heldMAC, let ips)? = status.dynamicAddresses {
            if mac == nil, old?.value.dynamicAddress?.wanted.mac == nil { mac = heldMAC }
            for case .v4(let address) in ips where ipv4 == nil && home.obstacle(to: address, isSaid: false) == nil {
                ipv4 = address
            }
        }
        if mac == nil || ipv4 == nil && home.subnet != nil {
            if mac == nil { transaction.settleMACPrefix() }
            // A copy of the index in which this port has only what it says.
            var index = transaction.network.northbound.ports.index
            if let old { index.release(old) }
            var said = Stored(new: self, id: id, transaction.stamp)
            said.value.status.dynamicAddresses = nil
            index.claim(said)
            if ipv4 == nil, let subnet = home.subnet {
                ipv4 = home.lowestFreeIP(index.takenIPs[switchID] ?? IntervalSet())
                guard ipv4 != nil else {
                    throw Refusal(
                        .addressesExhausted,
                        "The subnet \(subnet) of the switch \"\(home.name)\" has no free address: each is a port's or "
                            + "in \"exclude_ips\"; delete ports, or give the switch a larger subnet.",
                        pointer: pointer
                    )
                }
            }
            mac = mac ?? index.takenMACs?.free(for: ipv4?.rawValue ?? 0)
        }
        guard let mac else {
            throw Refusal(
                .addressesExhausted,
                "All MAC addresses that central gives are in use; start it with another --mac-prefix.",
                pointer: pointer
            )
        }
        let ipv6 = wanted.ipv6 ?? home.ipv6High.map { mac.ipv6Address(inPrefix: $0) }
        let ips = [ipv4.map { IPAddress.v4($0) }, ipv6.map { IPAddress.v6($0) }].compactMap { $0 }
        status.dynamicAddresses = .known(mac, ips)
    }
}

extension LogicalSwitch {
    /// Checks that the switch gives dynamic addresses, and could give those that are said.
    fileprivate func checkGives(_ wanted: DynamicAddress, _ pointer: String) throws(Refusal) {
        guard givesAddresses else {
            throw Refusal(
                .invalidValue,
                "The switch \"\(name)\" gives no addresses; set its \"subnet\", \"ipv6_prefix\" or \"mac_only\" first.",
                pointer: pointer
            )
        }
        if let address = wanted.ipv4, obstacle(to: address, isSaid: true) != nil {
            let detail = subnet.map { "is no host's in the subnet \($0) of" } ?? "needs a subnet of"
            throw Refusal(.invalidValue, "\(address) \(detail) the switch \"\(name)\".", pointer: pointer)
        }
        if let address = wanted.ipv6, address.high != ipv6High {
            let detail = ipv6Prefix.map { "is not in the IPv6 prefix \($0) of" } ?? "needs an IPv6 prefix of"
            throw Refusal(.invalidValue, "\(address) \(detail) the switch \"\(name)\".", pointer: pointer)
        }
    }
}
