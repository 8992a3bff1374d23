import Southbound

/// A key of a port's `options`, as OVN spells it.
enum PortOption: String, CaseIterable {
    /// `"true"` switches the ARP/ND responder off for the port.
    case disablesResponder = "disable_arp_nd_rsp"
    /// The most bits a second that the guest sends.
    case maximumRate = "qos_max_rate"
    /// The bits that it may send at once after a pause.
    case burst = "qos_burst"
    /// The most frames a second that the guest sends. OVN has no such option.
    case maximumFrameRate = "qos_max_packet_rate"
    /// The most broadcasts a second; what is beyond is dropped. OVN has none of these three.
    case maximumBroadcastRate = "max_broadcast_packet_rate"
    /// The most multicasts a second that are no broadcasts.
    case maximumMulticastRate = "max_multicast_packet_rate"
    /// The most frames a second to MACs that nobody is known to have.
    case maximumUnknownRate = "max_unknown_packet_rate"

    /// The physical network that a localnet or l2gateway port joins its switch to.
    case physicalNetwork = "network_name"
    /// The chassis whose device of that network an l2gateway port has.
    case gatewayChassis = "l2gateway-chassis"
    /// `"true"` has MACs learnt that come from the physical network of a localnet port.
    case learnsFromNetwork = "localnet_learn_fdb"
    /// `"true"` keeps the port from being announced on physical networks.
    case isUnannounced = "disable_garp_rarp"
    /// The VLANs of a trunk port, such as `10,20-29`. OVN has no trunk ports.
    case trunkVLANs = "trunk_vlans"
    /// The VLAN of the frames that a trunk port sends and gets without a tag.
    case nativeVLAN = "native_vlan"

    /// `"true"` has the port get all frames to multicast groups, where its switch asks for members.
    case floodsMulticast = "mcast_flood"
    /// `"true"` has it get all reports of members.
    case floodsReports = "mcast_flood_reports"

    /// The numbers that the option takes; `nil` for a flag, a name and a list.
    var range: ClosedRange<UInt64>? {
        switch self {
        case .disablesResponder, .physicalNetwork, .gatewayChassis, .learnsFromNetwork, .isUnannounced, .trunkVLANs,
            .floodsMulticast, .floodsReports:
            nil
        case .nativeVLAN: 1...UInt64(VLANList.vlanMaximum)
        case .maximumRate: SendingRate.bitsPerSecondRange
        case .burst: SendingRate.burstBitsRange
        case .maximumFrameRate, .maximumBroadcastRate, .maximumMulticastRate, .maximumUnknownRate:
            SendingRate.framesPerSecondRange
        }
    }

    /// The sort of thing that the option names; `nil` if it is no name.
    private var noun: String? {
        switch self {
        case .physicalNetwork: "physical network"
        case .gatewayChassis: "chassis"
        case .disablesResponder, .learnsFromNetwork, .isUnannounced, .trunkVLANs, .nativeVLAN, .maximumRate, .burst,
            .maximumFrameRate, .maximumBroadcastRate, .maximumMulticastRate, .maximumUnknownRate, .floodsMulticast,
            .floodsReports:
            nil
        }
    }

    /// Checks the options of a port.
    @Sendable static func check(_ reader: BodyReader, _ options: [String: String]) throws(Refusal) {
        for (key, value) in options.sorted(by: { $0.key < $1.key }) {
            let pointer = reader.pointer("options", key)
            guard let option = PortOption(rawValue: key) else { throw unknown(key, pointer) }
            if let noun = option.noun {
                guard let problem = ObjectName.problem(value) else { continue }
                let detail = "\(quoted(value)) cannot be a \(noun): \(problem)."
                throw Refusal(.invalidValue, detail, pointer: pointer)
            }
            if option == .trunkVLANs {
                guard value.isEmpty || VLANList(value) == nil else { continue }
                let detail =
                    "\"\(key)\" is a list of at most \(VLANList.rangeCountMaximum) VLANs and ranges from 0 to "
                    + "\(VLANList.vlanMaximum), such as 10,20-29, not \(quoted(value))."
                throw Refusal(.invalidValue, detail, pointer: pointer)
            }
            guard let range = option.range else {
                try BodyReader.checkFlag(value, of: key, at: pointer)
                continue
            }
            guard let number = UInt64(value), range.contains(number) else {
                let detail =
                    "\"\(key)\" is a whole number from \(range.lowerBound) to \(range.upperBound), not "
                    + "\(quoted(value))."
                throw Refusal(.invalidValue, detail, pointer: pointer)
            }
        }
        if options[burst.rawValue] != nil, options[maximumRate.rawValue] == nil {
            let detail =
                "\"\(burst.rawValue)\" is the burst of \"\(maximumRate.rawValue)\", which is missing; set both."
            throw Refusal(.invalidValue, detail, pointer: reader.pointer("options", burst.rawValue))
        }
    }

    private static func unknown(_ key: String, _ pointer: String) -> Refusal {
        if key == "qos_min_rate" {
            return Refusal(
                .unsupported,
                "\"qos_min_rate\" is not in this version, as no host could keep what it promises; bound the other "
                    + "ports with \"\(maximumRate.rawValue)\".",
                pointer: pointer
            )
        }
        let known = allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        let detail = "The option \(quoted(key)) is not in this version; it has \(known)."
        return Refusal(.unsupported, detail, pointer: pointer)
    }
}

extension LogicalSwitchPort {
    /// The limit of what the guest sends; `nil` for none.
    public var sendingRate: SendingRate? {
        guard !options.isEmpty else { return nil }
        func number(_ option: PortOption) -> UInt64? { options[option.rawValue].flatMap { UInt64($0) } }
        var rate = SendingRate(
            bitsPerSecond: number(.maximumRate),
            burstBits: number(.burst),
            framesPerSecond: number(.maximumFrameRate)
        )
        rate.broadcastsPerSecond = number(.maximumBroadcastRate)
        rate.multicastsPerSecond = number(.maximumMulticastRate)
        rate.unknownsPerSecond = number(.maximumUnknownRate)
        return rate == SendingRate() ? nil : rate
    }
}
