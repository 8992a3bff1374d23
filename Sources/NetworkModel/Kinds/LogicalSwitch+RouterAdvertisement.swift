import Southbound
import Wire

extension LogicalSwitch {
    /// The answer to router solicitations that `ipv6_ra_configs` asks for; `nil` if it is empty.
    ///
    /// Keys and spellings are those of OVN's logical router ports (`address_mode`, `mtu`, `send_periodic`,
    /// `max_interval`, `min_interval`, `router_preference`, `rdnss`, `dnssl`), and those that a switch needs besides:
    /// the gateway that it names, prefixes and lifetimes. Without `prefixes` the switch's `ipv6_prefix` is the only
    /// one.
    /// - Throws: ``Refusal`` for a key that there is not, or a value that cannot be.
    func routerAdvertisement() throws(Refusal) -> RouterAdvertisement? {
        guard !raConfigs.isEmpty else { return nil }
        let reader = RAConfigReader(configs: raConfigs)
        try reader.checkKeys()
        guard let mac = try reader.value("gateway_mac", "the MAC address of a host", { MACAddress($0) }),
            !mac.isMulticast, !mac.isZero
        else { throw reader.missing("gateway_mac", "the MAC address of the gateway that advertisements are of") }
        guard let mode = try reader.word("address_mode", RouterAdvertisement.AddressMode.self) else {
            throw reader.missing("address_mode", "slaac, dhcpv6_stateful or dhcpv6_stateless")
        }
        var prefixes = try reader.list("prefixes", atMost: RouterAdvertisement.prefixCountMaximum, Self.raPrefix)
        if raConfigs["prefixes"] == nil, case .v6(let own)? = ipv6Prefix?.address {
            prefixes = [IPPrefix(address: .v6(IPv6Address(high: own.high, low: 0)), length: 64)].compactMap(\.self)
        }
        guard mode == .dhcpv6Stateful || prefixes.allSatisfy({ $0.length == 64 }) else {
            throw reader.refusal("prefixes", "Guests make addresses of prefixes of 64 bits only (RFC 4862).")
        }
        let routerLifetime = try reader.number("router_lifetime", 0...UInt32(UInt16.max)) ?? UInt32(UInt16.max)
        let validLifetime = try reader.number("valid_lifetime", 0...UInt32.max) ?? .max
        let preferredLifetime = try reader.number("preferred_lifetime", 0...UInt32.max) ?? validLifetime
        guard preferredLifetime <= validLifetime else {
            throw reader.refusal("preferred_lifetime", "\"preferred_lifetime\" is at most \"valid_lifetime\".")
        }
        let (minInterval, maxInterval) = try reader.intervals()
        var advertisement = RouterAdvertisement(
            mac: mac,
            linkLocal: try reader.value("gateway_lla", "a link-local IPv6 address", Self.linkLocal)
                ?? mac.linkLocalAddress,
            addressMode: mode,
            prefixes: prefixes,
            mtu: try reader.number("mtu", 1280...65_535),
            preference: try reader.word("router_preference", RouterAdvertisement.Preference.self) ?? .medium,
            dnsServers: try reader.list("rdnss", atMost: RouterAdvertisement.dnsServerCountMaximum) {
                IPv6Address($0).flatMap { $0.isMulticast || $0 == .any ? nil : $0 }
            },
            dnsSearchList: try reader.list("dnssl", atMost: RouterAdvertisement.dnsSearchListCountMaximum) {
                DomainName($0).flatMap { $0.isRoot ? nil : $0.description }
            },
            routerLifetime: UInt16(clamping: routerLifetime),
            validLifetime: validLifetime,
            preferredLifetime: preferredLifetime
        )
        if sendsAdvertisements { (advertisement.minInterval, advertisement.maxInterval) = (minInterval, maxInterval) }
        return advertisement
    }

    /// True if hosts send advertisements unasked.
    private var sendsAdvertisements: Bool { raConfigs["send_periodic"] == "true" }

    /// The features that the hosts of the switch's ports need.
    var neededFeatures: [String] {
        Self.fields.features(of: self) + (sendsAdvertisements ? [Feature.periodicAdvertisement] : [])
    }

    private static func raPrefix(_ text: String) -> IPPrefix? {
        guard let prefix = IPPrefix(text), case .v6(let address) = prefix.address, prefix.hasZeroHostBits,
            !address.isLinkLocal, !address.isMulticast
        else { return nil }
        return prefix
    }

    private static func linkLocal(_ text: String) -> IPv6Address? {
        IPv6Address(text).flatMap { $0.isLinkLocal ? $0 : nil }
    }

    static func dnsDomain(_ reader: BodyReader) throws(Refusal) -> String? {
        guard let text = try reader.optionalString("dns_domain") else { return nil }
        guard let name = DomainName(text), !name.isRoot else {
            let detail = "\(quoted(text)) is not a domain such as example.internal."
            throw Refusal(.invalidValue, detail, pointer: reader.pointer("dns_domain"))
        }
        return name.description
    }
}

/// Reads the values of `ipv6_ra_configs`.
private struct RAConfigReader {
    let configs: [String: String]

    private static let keys = [
        "address_mode", "dnssl", "gateway_lla", "gateway_mac", "max_interval", "min_interval", "mtu",
        "preferred_lifetime", "prefixes", "rdnss", "router_lifetime", "router_preference", "send_periodic",
        "valid_lifetime",
    ]

    func checkKeys() throws(Refusal) {
        for key in configs.keys.sorted() where !Self.keys.contains(key) {
            let known = Self.keys.joined(separator: ", ")
            throw refusal(key, "The key \(quoted(key)) is not in this version; it has \(known).", .unsupported)
        }
        guard ["true", "false"].contains(configs["send_periodic"] ?? "false") else {
            throw refusal("send_periodic", "\"send_periodic\" is \"true\" or \"false\".")
        }
    }

    /// The fewest and the most seconds between two advertisements, by default as RFC 4861 section 6.2.1 has them.
    func intervals() throws(Refusal) -> (minimum: UInt16, maximum: UInt16) {
        let bounds = RouterAdvertisement.maxIntervals
        let said = try number("max_interval", UInt32(bounds.lowerBound)...UInt32(bounds.upperBound))
        let maximum = said.map { UInt16($0) } ?? RouterAdvertisement.maxIntervalDefault
        let most = UInt32(maximum) * 3 / 4
        let minimum = try number("min_interval", 3...max(3, most)).map { UInt16($0) }
        return (minimum ?? (maximum >= 9 ? maximum / 3 : UInt16(most)), maximum)
    }

    func value<Value>(_ key: String, _ meaning: String, _ parse: (String) -> Value?) throws(Refusal) -> Value? {
        guard let text = configs[key] else { return nil }
        guard let value = parse(text) else { throw refusal(key, "\(quoted(text)) is not \(meaning).") }
        return value
    }

    /// One of the words of an enumeration, in any case: OVN writes preferences in capitals.
    func word<Word: RawRepresentable & CaseIterable>(_ key: String, _ type: Word.Type) throws(Refusal) -> Word?
    where Word.RawValue == String {
        let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
        return try value(key, "one of \(words)") { Word(rawValue: $0.lowercased()) }
    }

    func number(_ key: String, _ range: ClosedRange<UInt32>) throws(Refusal) -> UInt32? {
        try value(key, "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            UInt32(text).flatMap { range.contains($0) && text.first != "+" ? $0 : nil }
        }
    }

    func list<Element>(
        _ key: String,
        atMost maximum: Int,
        _ parse: (String) -> Element?
    ) throws(Refusal) -> [Element] {
        var elements: [Element] = []
        for item in (configs[key] ?? "").split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let element = parse(String(item)) else {
                throw refusal(key, "\(quoted(item)) cannot be in \"\(key)\".")
            }
            elements.append(element)
        }
        guard elements.count <= maximum else {
            throw refusal(key, "\"\(key)\" has at most \(maximum) elements.", .limitExceeded)
        }
        return elements
    }

    func missing(_ key: String, _ meaning: String) -> Refusal {
        refusal(key, "\"ipv6_ra_configs\" needs \"\(key)\": \(meaning).", .missingField)
    }

    func refusal(_ key: String, _ detail: String, _ code: Refusal.Code = .invalidValue) -> Refusal {
        Refusal(code, detail, pointer: "/ipv6_ra_configs/" + escapedPointerToken(key))
    }
}
