import Persistent
import Wire

/// The IPv4 network of a switch as central gives addresses of it.
struct IPv4Subnet {
    /// The lengths of a subnet, in bits. A shorter prefix reaches into blocks that are no guests'; a longer one has no
    /// room beside the network, its broadcast address and the router.
    static let lengths = 8...30

    /// All addresses, the network's own and broadcast too.
    private let all: ClosedRange<UInt32>

    init?(_ prefix: IPPrefix) {
        guard case .v4(let address) = prefix.address, Self.lengths.contains(prefix.length) else { return nil }
        let hostBits = UInt32.max >> UInt32(prefix.length)
        all = (address.rawValue & ~hostBits)...(address.rawValue | hostBits)
    }

    /// The addresses that a host may have.
    var hosts: ClosedRange<UInt32> { all.lowerBound + 1...all.upperBound - 1 }
    /// The addresses that central gives: those of hosts but the first, which is the router's.
    var given: ClosedRange<UInt32> { all.lowerBound + 2...all.upperBound - 1 }
}

extension LogicalSwitch {
    /// True if ports of the switch can have dynamic addresses.
    var givesAddresses: Bool { subnet != nil || ipv6Prefix != nil || isMACOnly }

    /// True if two switches give the same addresses.
    private func givesSame(as other: LogicalSwitch) -> Bool {
        subnet == other.subnet && excludedIPs == other.excludedIPs && ipv6Prefix == other.ipv6Prefix
            && isMACOnly == other.isMACOnly
    }

    /// The lowest address of the subnet that is neither excluded nor taken; `nil` if there is none, or no subnet.
    ///
    /// Costs O(log n) in the intervals that are taken, and as many steps as there are excluded ranges.
    func lowestFreeIP(_ taken: IntervalSet<UInt32>) -> IPv4Address? {
        guard let given = subnet.flatMap({ IPv4Subnet($0) })?.given else { return nil }
        var rest = given
        while let candidate = taken.firstAbsent(in: rest) {
            let address = IPv4Address(candidate)
            guard let end = excludedIPs.end(ofRangeWith: address)?.rawValue else { return address }
            guard end < given.upperBound else { return nil }
            rest = end + 1...given.upperBound
        }
        return nil
    }

    /// The member of the switch by which a port cannot have an IPv4 address; `nil` if it can.
    /// - Parameter isSaid: True if the user says the address: then it may be excluded, or the router's.
    func obstacle(to address: IPv4Address, isSaid: Bool) -> String? {
        guard let subnet = subnet.flatMap({ IPv4Subnet($0) }),
            (isSaid ? subnet.hosts : subnet.given).contains(address.rawValue)
        else { return "subnet" }
        return isSaid || excludedIPs.end(ofRangeWith: address) == nil ? nil : "exclude_ips"
    }

    /// The upper 64 bits of the IPv6 addresses of ports.
    var ipv6High: UInt64? {
        guard case .v6(let address)? = ipv6Prefix?.address else { return nil }
        return address.high
    }

    /// The first address of a port that the switch does not give, with the member of the switch that says so.
    private func misfit(of port: LogicalSwitchPort) -> (address: String, field: String)? {
        guard case .known(let mac, let ips)? = port.status.dynamicAddresses,
            let wanted = port.dynamicAddress?.wanted
        else { return nil }
        for ip in ips {
            switch ip {
            case .v4(let address):
                if let field = obstacle(to: address, isSaid: wanted.ipv4 != nil) { return (ip.description, field) }
            case .v6(let address):
                guard address.high == ipv6High else { return (ip.description, "ipv6_prefix") }
            }
        }
        return givesAddresses ? nil : (mac.description, "mac_only")
    }

    /// Checks that the members about addresses agree with each other, and with the addresses that ports have.
    public static func check(_ stored: Stored<LogicalSwitch>, in database: NorthboundDatabase) throws(Refusal) {
        let new = stored.value
        try new.checkMembers()
        _ = try new.routerAdvertisement()
        _ = try new.multicastSnooping()
        guard let old = database.switches[stored.id]?.value, !old.givesSame(as: new), old.givesAddresses else { return }
        var found: [(port: String, address: String, field: String)] = []
        var count = 0
        for (name, id) in database.ports.index.bySwitch[stored.id] ?? OrderedMap() {
            guard let port = database.ports[id]?.value, let misfit = new.misfit(of: port) else { continue }
            count += 1
            if found.count < 3 { found.append((name.name, misfit.address, misfit.field)) }
        }
        guard let first = found.first else { return }
        let named = found.map { "\"\($0.port)\" (\($0.address))" }.joined(separator: ", ")
        let others = count > found.count ? " and \(count - found.count) more" : ""
        throw Refusal(
            .addressesInUse,
            "Ports of the switch \"\(new.name)\" have addresses that it would give no longer: \(named)\(others); "
                + "give them other addresses or delete them first.",
            pointer: "/\(first.field)",
            conflictsWith: "/v1/ports/\(first.port)"
        )
    }

    private func checkMembers() throws(Refusal) {
        for (index, range) in excludedIPs.ranges.enumerated() {
            let pointer = "/exclude_ips/\(index)"
            guard let subnet, let hosts = IPv4Subnet(subnet)?.hosts else {
                throw Refusal(.invalidValue, "\"exclude_ips\" is for switches with a \"subnet\".", pointer: pointer)
            }
            guard hosts.contains(range.first.rawValue), hosts.contains(range.last.rawValue) else {
                throw Refusal(
                    .invalidValue,
                    "\(range) is not among the addresses of hosts in \(subnet); exclude those only.",
                    pointer: pointer
                )
            }
        }
        guard !isMACOnly || subnet == nil && ipv6Prefix == nil else {
            throw Refusal(
                .invalidValue,
                "\"mac_only\" is for switches with neither a \"subnet\" nor an \"ipv6_prefix\".",
                pointer: "/mac_only"
            )
        }
    }

    /// Has the index of ports count the addresses of a switch as long as it has a subnet.
    public static func follow(
        _ id: ObjectID,
        from old: Stored<LogicalSwitch>?,
        to new: Stored<LogicalSwitch>?,
        in database: inout NorthboundDatabase
    ) {
        let (had, has) = (old?.value.subnet != nil, new?.value.subnet != nil)
        guard had != has else { return }
        guard has else { return database.ports.index.forgetIPs(on: id) }
        let ports = (database.ports.index.bySwitch[id] ?? OrderedMap()).compactMap { database.ports[$0.value] }
        database.ports.index.countIPs(on: id, ports)
    }
}

extension LogicalSwitch {
    static func subnet(_ reader: BodyReader) throws(Refusal) -> IPPrefix? {
        guard let text = try reader.optionalString("subnet") else { return nil }
        func refusal(_ detail: String) -> Refusal { Refusal(.invalidValue, detail, pointer: "/subnet") }
        guard let prefix = IPPrefix(text), case .v4(let address) = prefix.address else {
            throw refusal("\"subnet\" is an IPv4 network such as 192.168.1.0/24, not \(quoted(text)).")
        }
        let lengths = IPv4Subnet.lengths
        guard lengths.contains(prefix.length) else {
            throw refusal(
                "\"subnet\" has a length from \(lengths.lowerBound) to \(lengths.upperBound), not \(prefix.length): it "
                    + "has a network address, a broadcast address, and the first host is the router."
            )
        }
        guard !address.isMulticast, address.rawValue >> 24 != 0, prefix.address.reasonAgainstGuest == nil else {
            throw refusal("The addresses of \(prefix) cannot be those of ports.")
        }
        return prefix
    }

    static func ipv6Prefix(_ reader: BodyReader) throws(Refusal) -> IPPrefix? {
        guard let text = try reader.optionalString("ipv6_prefix") else { return nil }
        func refusal(_ detail: String) -> Refusal { Refusal(.invalidValue, detail, pointer: "/ipv6_prefix") }
        let prefix = IPPrefix(text.contains("/") ? text : text + "/64")
        guard let prefix, case .v6(let address) = prefix.address, prefix.length == 64 else {
            throw refusal("\"ipv6_prefix\" is an IPv6 network of 64 bits such as 2001:db8::/64, not \(quoted(text)).")
        }
        guard !address.isMulticast, !address.isLinkLocal, address.high != 0 else {
            throw refusal("The addresses of \(prefix) cannot be those that a port gets beside its link-local one.")
        }
        return prefix
    }

    static func excludedIPs(_ reader: BodyReader) throws(Refusal) -> ExcludedAddresses {
        let texts = try reader.strings("exclude_ips", atMost: Limits.excludedRangeCountMaximum)
        var ranges: [IPv4Range] = []
        for (index, text) in texts.enumerated() {
            guard let range = IPv4Range(text) else {
                throw Refusal(
                    .invalidValue,
                    "\(quoted(text)) is neither an IPv4 address nor a range such as 10.0.0.20..10.0.0.50.",
                    pointer: reader.pointer("exclude_ips", "\(index)")
                )
            }
            ranges.append(range)
        }
        return ExcludedAddresses(ranges)
    }
}
