import TestSupport
import Testing
import Wire

/// Messages of the services that hosts answer: DHCP, DHCPv6, DNS and router solicitations.
@Suite struct ServiceMessageTests {
    private static let mac = MACAddress(truncating: 0x02ac_10ff_0001)

    private static func written(_ count: Int, _ write: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        var span = octets.mutableSpan
        write(&span)
        return octets
    }

    private static func dhcpv4(_ options: [UInt8]) -> [UInt8] {
        let message = DHCPv4Message(type: .request, transaction: 7, hardwareAddress: mac)
        return written(DHCPv4Message.headerByteCount) { message.write(to: &$0) } + options
    }

    private static let request = dhcpv4(
        [53, 1, 3, 50, 4, 10, 0, 0, 5, 54, 4, 10, 0, 0, 1, 57, 2, 5, 0xdc, 55, 3, 1, 3, 6, 61, 2, 9, 9, 175, 1, 0, 255]
    )
    private static let solicit: [UInt8] =
        [1, 0xab, 0xcd, 0xef, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0xac, 0x10, 0xff, 0, 1, 0, 14, 0, 0]
        + [0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 6, 0, 4] + Array("iPXE".utf8)
    private static let query: [UInt8] =
        [0x12, 0x34, 1, 0x20, 0, 1, 0, 0, 0, 0, 0, 1, 3] + Array("vm1".utf8) + [0, 0, 1, 0, 1]
        + [0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 2, 9, 9]
    private static let solicitation: [UInt8] = [133, 0, 0, 0, 0, 0, 0, 0, 1, 1] + mac.octets

    @Test("DHCP: the options that a server reads")
    func dhcpv4() throws {
        let message = try DHCPv4Message(parsing: Self.request.span)
        #expect(message.type == .request && message.operation == 1 && message.transaction == 7)
        #expect(message.requestedAddress == IPv4Address(0x0a00_0005))
        #expect(message.serverID == IPv4Address(0x0a00_0001))
        #expect(message.maximumByteCount == 1500 && message.isIPXE)
        #expect(Self.request[message.parameters.start..<message.parameters.end] == [1, 3, 6])
        #expect(Self.request[message.clientID.start..<message.clientID.end] == [9, 9])
        #expect(message.hardwareAddressHigh == Self.mac.rawValue << 16)
    }

    @Test("DHCP: options lie in `file` and `sname`, too, if option 52 says so")
    func overload() throws {
        var octets = Self.dhcpv4([52, 1, 3, 255])
        octets.replaceSubrange(108..<112, with: [53, 1, 1, 255])
        octets.replaceSubrange(44..<51, with: [50, 4, 10, 0, 0, 9, 255])
        let message = try DHCPv4Message(parsing: octets.span)
        #expect(message.type == .discover && message.requestedAddress == IPv4Address(0x0a00_0009))
        octets[242] = 1
        #expect(try DHCPv4Message(parsing: octets.span).requestedAddress == nil)
        octets[242] = 2
        #expect(throws: HeaderError.unsupportedType) { try DHCPv4Message(parsing: octets.span) }
    }

    @Test("DHCP: what contradicts itself is refused")
    func malformedDHCPv4() {
        let cases: [([UInt8], HeaderError)] = [
            ([53, 1, 3, 53, 1, 3], .duplicateOption), ([53, 2, 3, 3], .badLength), ([53, 1, 9], .unsupportedType),
            ([53, 1, 3, 50, 3, 1, 2, 3], .badLength), ([53, 1, 3, 12, 200, 1], .badLength), ([53], .badLength),
            ([53, 1, 3, 57, 1, 1], .badLength), ([255], .unsupportedType), ([], .unsupportedType),
            ([53, 1, 3, 55, 0, 55, 0], .duplicateOption),
        ]
        for (options, error) in cases {
            #expect(throws: error, "\(options)") { try DHCPv4Message(parsing: Self.dhcpv4(options).span) }
        }
        var other = Self.request
        other[236] = 0
        #expect(throws: HeaderError.unsupportedVersion) { try DHCPv4Message(parsing: other.span) }
    }

    @Test("DHCPv6: identifiers, associations and classes")
    func dhcpv6() throws {
        let message = try DHCPv6Message(parsing: Self.solicit.span)
        #expect(message.type == .solicit && message.transaction == 0xab_cdef)
        #expect(message.clientID == OctetRange(start: 8, count: 10) && message.serverID == nil)
        #expect(message.hasRapidCommit && message.hasAssociation && message.isIPXE)
        let head = Self.written(DHCPv6Message.headerByteCount) { message.write(to: &$0) }
        #expect(head == Array(Self.solicit[..<4]))
        #expect(throws: HeaderError.unsupportedType) { try DHCPv6Message(parsing: [12, 0, 0, 0].span) }
        #expect(throws: HeaderError.badLength) {
            try DHCPv6Message(parsing: [1, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0].span)
        }
        let twice = Self.solicit + Self.solicit[4..<18]
        #expect(throws: HeaderError.duplicateOption) { try DHCPv6Message(parsing: twice.span) }
    }

    @Test("DNS: the question, and what the client takes")
    func dns() throws {
        let query = try DNSQuery(parsing: Self.query.span)
        #expect(query.name == OctetRange(start: 12, count: 5) && query.type == DNSQuery.RecordType.ipv4Address)
        #expect(query.hasExtension && query.answerByteCountMaximum == 1232 && query.questionEnd == 21)
        let head = Self.written(DNSQuery.headerByteCount) { query.writeAnswerHeader(answerCount: 2, to: &$0) }
        #expect(head == [0x12, 0x34, 0x85, 0x80, 0, 1, 0, 2, 0, 0, 0, 1])
        // A pointer, which could lead anywhere, an answer, two questions, another class, a later EDNS.
        for (place, octet) in [(12, 0xc0), (2, 0x81), (5, 2), (20, 3), (27, 1), (12, 64)] as [(Int, UInt8)] {
            var other = Self.query
            other[place] = octet
            #expect(throws: HeaderError.self, "\(place)") { try DNSQuery(parsing: other.span) }
        }
        let label = [63] + [UInt8](repeating: 97, count: 63)
        let long = Array(Self.query[..<12]) + label + label + label + label + [0, 0, 1, 0, 1]
        #expect(throws: HeaderError.badLength) { try DNSQuery(parsing: long.span) }
    }

    @Test("RA: the octets of RFC 4861, 4191 and 8106")
    func advertisement() throws {
        var message = RouterMessage.Advertisement()
        message.isManaged = true
        message.preference = 1
        message.lifetime = 1800
        message.add(mtu: 1442)
        message.add(sourceMAC: Self.mac)
        message.add(prefix: try #require(IPPrefix("fd00::/64")), isAutonomous: true, valid: 7200, preferred: 3600)
        message.add(route: try #require(IPPrefix("fd01::/48")), preference: 3, lifetime: 60)
        message.add(dnsServers: [try #require(IPv6Address("fd00::53"))], lifetime: 1800)
        message.add(searchList: [try #require(DomainName("a.example"))], lifetime: 1800)
        let expected = [
            "86000000" + "40880708" + "0000000000000000", "0501" + "0000" + "000005a2", "0101" + "02ac10ff0001",
            "0304" + "40c0" + "00001c20" + "00000e10" + "00000000" + "fd00" + String(repeating: "0", count: 28),
            "1802" + "3018" + "0000003c" + "fd01000000000000",
            "1903" + "0000" + "00000708" + "fd00" + String(repeating: "0", count: 26) + "53",
            "1f03" + "0000" + "00000708" + "01610765" + "78616d70" + "6c650000" + "00000000",
        ]
        #expect(hexadecimal(message.octets) == expected.joined())
        #expect(try RouterMessage(parsingSolicitation: Self.solicitation.span).sourceMAC == Self.mac)
        for bent in [[1, 0], [1, 2], [1, 1, 0, 0, 0, 0, 0, 0, 1, 1]] as [[UInt8]] {
            let octets = Self.solicitation[..<8] + bent + [UInt8](repeating: 0, count: 6)
            #expect(throws: HeaderError.self) { try RouterMessage(parsingSolicitation: Array(octets).span) }
        }
    }

    @Test("messages cut anywhere, or with any octet changed, are parsed or refused, and ranges lie within")
    func everyCut() {
        var generator = SeededGenerator(seed: 5)
        for octets in [Self.request, Self.solicit, Self.query, Self.solicitation] {
            for count in 0...octets.count { Self.parse(Array(octets[..<count])) }
            for place in octets.indices {
                for _ in 0..<20 {
                    var other = octets
                    other[place] = .random(in: 0...255, using: &generator)
                    Self.parse(other)
                }
            }
        }
    }

    private static func parse(_ octets: [UInt8]) {
        func check(_ range: OctetRange?) {
            if let range { #expect(range.start >= 0 && range.count >= 0 && range.end <= octets.count) }
        }
        if let message = try? DHCPv4Message(parsing: octets.span) {
            check(message.parameters)
            check(message.clientID)
        }
        if let message = try? DHCPv6Message(parsing: octets.span) {
            check(message.clientID)
            check(message.serverID)
        }
        if let query = try? DNSQuery(parsing: octets.span) {
            check(query.name)
            #expect(query.questionEnd <= octets.count)
        }
        _ = try? RouterMessage(parsingSolicitation: octets.span)
    }
}
