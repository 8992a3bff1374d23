import Southbound
import Wire

extension LogicalSwitch {
    /// The way in which members of multicast groups are found out, by the keys of OVN's `other_config`; `nil` if they
    /// are not.
    ///
    /// Keys, defaults and ranges are OVN's. Queries are sent unless `mcast_querier` is false, if their addresses are
    /// said.
    /// - Throws: ``Refusal`` for a key that there is not, or a value that cannot be.
    func multicastSnooping() throws(Refusal) -> MulticastSnooping? {
        guard !otherConfig.isEmpty else { return nil }
        let reader = MulticastConfigReader(config: otherConfig)
        try reader.checkKeys()
        var snooping = MulticastSnooping()
        snooping.floodsUnregistered = try reader.flag(.floodsUnregistered) ?? false
        let idleTimeout = try reader.number(.idleTimeout, MulticastSnooping.idleTimeoutRange)
        snooping.idleTimeout = idleTimeout ?? snooping.idleTimeout
        snooping.tableSize =
            try reader.number(.tableSize, MulticastSnooping.tableSizeRange) ?? MulticastSnooping.tableSizeDefault
        snooping.querier = try querier(reader, snooping)
        return try reader.flag(.snoops) ?? false ? snooping : nil
    }

    private func querier(
        _ reader: MulticastConfigReader,
        _ snooping: MulticastSnooping
    ) throws(Refusal) -> MulticastSnooping.Querier? {
        let mac = try reader.value(.source, "the MAC address of a host") { text in
            MACAddress(text).flatMap { $0.isMulticast || $0.isZero ? nil : $0 }
        }
        var querier = MulticastSnooping.Querier(mac: mac ?? .zero)
        querier.ipv4 = try reader.value(.ipv4Source, "the IPv4 address of a host") { text in
            IPv4Address(text).flatMap { IPAddress.v4($0).isOfOneHost ? $0 : nil }
        }
        querier.ipv6 = try reader.value(.ipv6Source, "a link-local IPv6 address") { text in
            IPv6Address(text).flatMap { $0.isLinkLocal ? $0 : nil }
        }
        let interval = try reader.number(.queryInterval, MulticastSnooping.Querier.intervalRange)
        querier.interval = interval ?? snooping.idleTimeout / 2
        let maxResponse = try reader.number(.maxResponse, MulticastSnooping.Querier.maxResponseRange)
        querier.maxResponse = maxResponse ?? 1
        guard querier.maxResponse <= querier.interval else {
            throw reader.refusal(.maxResponse, "is at most \"\(MulticastOption.queryInterval.rawValue)\"")
        }
        // Members that no query reaches while they are remembered would be forgotten in between.
        guard querier.interval < snooping.idleTimeout else {
            throw reader.refusal(.queryInterval, "is less than \"\(MulticastOption.idleTimeout.rawValue)\"")
        }
        let isAsked = try reader.flag(.queries)
        let isComplete = mac != nil && (querier.ipv4 != nil || querier.ipv6 != nil)
        if isAsked == true, !isComplete {
            throw reader.refusal(.queries, "needs \"mcast_eth_src\", and \"mcast_ip4_src\" or \"mcast_ip6_src\"")
        }
        return isAsked ?? true && isComplete ? querier : nil
    }
}

/// A key of a switch's `other_config`, as OVN spells it.
private enum MulticastOption: String, CaseIterable {
    case snoops = "mcast_snoop"
    case floodsUnregistered = "mcast_flood_unregistered"
    case queries = "mcast_querier"
    case source = "mcast_eth_src"
    case ipv4Source = "mcast_ip4_src"
    case ipv6Source = "mcast_ip6_src"
    case queryInterval = "mcast_query_interval"
    case maxResponse = "mcast_query_max_response"
    case idleTimeout = "mcast_idle_timeout"
    case tableSize = "mcast_table_size"
}

/// Reads the values of `other_config`.
private struct MulticastConfigReader {
    let config: [String: String]

    /// Keys of OVN's that switches here have as members of their own.
    private static let members = ["subnet", "exclude_ips", "ipv6_prefix", "mac_only"]

    func checkKeys() throws(Refusal) {
        for key in config.keys.sorted() where MulticastOption(rawValue: key) == nil {
            let known = MulticastOption.allCases.map(\.rawValue).joined(separator: ", ")
            let isMember = Self.members.contains(key)
            let detail =
                isMember
                ? "\"\(key)\" is a member of the switch itself: say it there."
                : "The key \(quoted(key)) is not in this version; it has \(known)."
            throw Refusal(.unsupported, detail, pointer: pointer(key))
        }
    }

    func flag(_ option: MulticastOption) throws(Refusal) -> Bool? {
        guard let text = config[option.rawValue] else { return nil }
        try BodyReader.checkFlag(text, of: option.rawValue, at: pointer(option.rawValue))
        return text == "true"
    }

    func value<Value>(
        _ option: MulticastOption,
        _ meaning: String,
        _ parse: (String) -> Value?
    ) throws(Refusal) -> Value? {
        guard let text = config[option.rawValue] else { return nil }
        guard let value = parse(text) else { throw refusal(option, "is \(meaning), not \(quoted(text))") }
        return value
    }

    func number(_ option: MulticastOption, _ range: ClosedRange<UInt32>) throws(Refusal) -> UInt32? {
        try value(option, "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            UInt32(text).flatMap { range.contains($0) && text.first != "+" ? $0 : nil }
        }
    }

    func refusal(_ option: MulticastOption, _ fault: String) -> Refusal {
        Refusal(.invalidValue, "\"\(option.rawValue)\" \(fault).", pointer: pointer(option.rawValue))
    }

    private func pointer(_ key: String) -> String { "/other_config/" + escapedPointerToken(key) }
}
