import Wire

/// A value that a string of a port stands for.
protocol AddressText: Hashable, Spelled {
    /// - Throws: ``AddressError`` for a string that stands for nothing.
    init(parsing text: String) throws(AddressError)
}

/// One string of a port's `addresses`.
public enum LogicalAddress: Hashable, Spelled, AddressText {
    /// `MAC [IP ...]`: frames to the MAC go to the port; the IPs are answered for by the ARP/ND responder.
    case known(MACAddress, [IPAddress])
    /// `dynamic`, `dynamic IP ...` or `MAC dynamic`: central chooses what is not said. Beside the others, because it is
    /// several times as large, and most ports have none.
    indirect case dynamic(DynamicAddress)
    /// `unknown`: the port also gets the frames whose destination no port is known to have.
    case unknown

    /// The canonical spelling: lower case, one blank between the parts, IPv6 as RFC 5952.
    public func spell(to text: inout [UInt8]) {
        switch self {
        case .known(let mac, let ips): NetworkModel.spell(mac, ips, to: &text)
        case .dynamic(let wanted): text += wanted.description.utf8
        case .unknown: text += "unknown".utf8
        }
    }

    /// The address that a string of `addresses` stands for.
    ///
    /// OVN keeps what is before a bad part; here a bad part refuses the whole string.
    public init(parsing text: String) throws(AddressError) {
        let parts = try addressParts(text)
        guard let first = parts.first else {
            throw .invalid("an address is \"MAC\", \"MAC IP ...\", \"dynamic\" or \"unknown\"")
        }
        if first.isWord("unknown") {
            guard parts.count == 1 else { throw .invalid("\"unknown\" is given alone, without an address after it") }
            self = .unknown
            return
        }
        if first.isWord("router") {
            throw .unsupported("\"router\" is for ports of routers, which this version does not have")
        }
        if parts.contains(where: { $0.isWord("dynamic") }) {
            self = .dynamic(try DynamicAddress(parts))
            return
        }
        let mac = try MACAddress(ofPort: first)
        var ips: [IPAddress] = []
        var seen: Set<IPAddress> = []
        for part in parts.dropFirst() {
            let ip = try IPAddress(ofPort: part)
            // The only one is not looked for.
            guard parts.count == 2 || seen.insert(ip).inserted else {
                throw .invalid("\(ip) appears twice in one string")
            }
            ips.append(ip)
        }
        self = .known(mac, ips)
    }
}

extension LogicalAddress {
    /// The address that a text of the log stands for.
    static func stored(_ text: String) -> LogicalAddress? {
        do { return try LogicalAddress(parsing: text) } catch { return nil }
    }
}

/// An address of a port that central completes (OVN's `dynamic`).
public struct DynamicAddress: Hashable, Sendable, CustomStringConvertible {
    /// The MAC address, if central is not to choose it. Then it chooses the IP addresses.
    public var mac: MACAddress?
    /// The IPv4 address, if central is not to choose it.
    public var ipv4: IPv4Address?
    /// The IPv6 address, if central is not to choose it.
    public var ipv6: IPv6Address?

    /// `dynamic`, `dynamic IPV4`, `dynamic IPV6`, `dynamic IPV4 IPV6` or `MAC dynamic`.
    public var description: String {
        [mac?.description, "dynamic", ipv4?.description, ipv6?.description].compactMap { $0 }.joined(separator: " ")
    }

    /// The addresses that are said, in the order of the string.
    var ips: [IPAddress] { [ipv4.map { .v4($0) }, ipv6.map { .v6($0) }].compactMap { $0 } }

    fileprivate init(_ parts: [ArraySlice<UInt8>]) throws(AddressError) {
        let form = AddressError.invalid(
            "a dynamic address is \"dynamic\", \"dynamic IPV4\", \"dynamic IPV6\", \"dynamic IPV4 IPV6\" or "
                + "\"MAC dynamic\""
        )
        guard parts.first?.isWord("dynamic") == true else {
            guard parts.count == 2, parts[1].isWord("dynamic") else { throw form }
            mac = try MACAddress(ofPort: parts[0])
            return
        }
        for part in parts.dropFirst() {
            switch try IPAddress(ofPort: part) {
            case .v4(let address):
                guard ipv4 == nil, ipv6 == nil else { throw form }
                ipv4 = address
            case .v6(let address):
                guard ipv6 == nil else { throw form }
                ipv6 = address
            }
        }
    }
}

/// One string of a port's `port_security`: `MAC [IP[/LENGTH] ...]`, or, for the virtual routers behind a MAC,
/// `VRRPv3 MAC [MAC[/LENGTH] ...] [IP[/LENGTH] ...]`.
public struct PortSecurityRule: Hashable, Spelled, AddressText {
    /// The only source MAC; of a rule for virtual routers the host's own, which may send ARP and ND about them.
    public var mac: MACAddress
    /// The MACs of virtual routers; empty if the rule is of the host itself.
    public var virtualMACs: [MACRange]
    /// The prefixes allowed with it; empty means any.
    public var prefixes: [IPPrefix]

    /// The string that stands for the port's dynamic addresses, whatever they are.
    public static let dynamic = "dynamic"

    /// The canonical spelling: lower case, one blank between the parts, IPv6 as RFC 5952, no full lengths.
    public func spell(to text: inout [UInt8]) {
        guard !virtualMACs.isEmpty else { return NetworkModel.spell(mac, prefixes, to: &text) }
        let macs = virtualMACs == Self.allVirtualMACs ? [] : virtualMACs
        let words = [Self.virtualRouters, mac.description] + macs.map(\.description) + prefixes.map(\.description)
        text += words.joined(separator: " ").utf8
    }

    private static let allVirtualMACs: [MACRange] = [.virtualIPv4Routers, .virtualIPv6Routers]

    /// OVN's word before a rule for virtual routers.
    private static let virtualRouters = "VRRPv3"

    /// The rule that a string of `port_security` stands for.
    ///
    /// OVN ignores a bad string, and opens the port if none is left; here it is refused.
    public init(parsing text: String) throws(AddressError) {
        var parts = try addressParts(text)[...]
        let isVirtual = parts.first?.isWord(Self.virtualRouters) == true
        if isVirtual { parts = parts.dropFirst() }
        guard let first = parts.first else { throw .invalid("port security is \"MAC\" or \"MAC IP[/LENGTH] ...\"") }
        if first.isWord("unknown") {
            throw .invalid("\"unknown\" is not a port security rule; leave the list empty to check nothing")
        }
        mac = try MACAddress(ofPort: first)
        prefixes = []
        virtualMACs = []
        var seen: Set<IPPrefix> = []
        for part in parts.dropFirst() {
            if isVirtual, let range = MACRange(String(decoding: part, as: UTF8.self)) {
                guard range.isOfVirtualRouters else {
                    throw .invalid("\(part.quoted) is not of 00:00:5e:00:01:00/40 or 00:00:5e:00:02:00/40")
                }
                guard !virtualMACs.contains(range) else { throw .invalid("\(range) appears twice in one string") }
                virtualMACs.append(range)
                continue
            }
            guard let prefix = IPPrefix(octets: part) else {
                throw .invalid("\(part.quoted) is neither an IP address nor a prefix; blanks separate them")
            }
            guard parts.count == 2 || seen.insert(prefix).inserted else {
                throw .invalid("\(prefix) appears twice in one string")
            }
            prefixes.append(prefix)
        }
        if isVirtual, virtualMACs.isEmpty { virtualMACs = Self.allVirtualMACs }
    }
}

/// The reason why a string is no address and no port security.
public enum AddressError: Error, Equatable, Sendable {
    /// It cannot be. One clause tells why.
    case invalid(String)
    /// It could be, but this version does not do it. One clause says what.
    case unsupported(String)
    /// It has more parts than a port may have. One clause says how many.
    case tooLong(String)
}

/// The parts between blanks, of which there are no more than a port may have: their number is known before any of them
/// is looked at.
private func addressParts(_ text: String) throws(AddressError) -> [ArraySlice<UInt8>] {
    let maximum = Limits.ipCountMaximum + 1
    let parts = Array(text.utf8).split(separator: UInt8(ascii: " "), maxSplits: maximum)
    guard parts.count <= maximum else {
        throw .tooLong("one string has at most \(Limits.ipCountMaximum) IP addresses")
    }
    return parts
}

extension ArraySlice<UInt8> {
    fileprivate func isWord(_ word: String) -> Bool { elementsEqual(word.utf8) }

    fileprivate var quoted: String { NetworkModel.quoted(String(decoding: self, as: UTF8.self)) }
}

/// Appends a MAC address and what comes after it, with blanks between.
private func spell(_ mac: MACAddress, _ others: [some Spelled], to text: inout [UInt8]) {
    mac.spell(to: &text)
    for other in others {
        text.append(UInt8(ascii: " "))
        other.spell(to: &text)
    }
}

extension MACAddress {
    fileprivate init(ofPort text: ArraySlice<UInt8>) throws(AddressError) {
        guard let mac = MACAddress(octets: text) else {
            let hint = IPAddress(octets: text) == nil ? "" : "; the MAC address comes first, before the IP addresses"
            throw .invalid("\(text.quoted) is not a MAC address\(hint)")
        }
        guard !mac.isMulticast else { throw .invalid("\(mac) is a multicast address, which no port can have") }
        guard !mac.isZero else { throw .invalid("\(mac) is not an address that a port can have") }
        self = mac
    }
}

extension IPAddress {
    fileprivate init(ofPort text: ArraySlice<UInt8>) throws(AddressError) {
        guard let ip = IPAddress(octets: text) else {
            let hint = text.contains(UInt8(ascii: "/")) ? "; addresses have no prefix length" : ""
            throw .invalid("\(text.quoted) is not an IP address\(hint)")
        }
        guard ip.isOfOneHost else { throw .invalid("\(ip) is not an address of one host") }
        self = ip
    }
}
