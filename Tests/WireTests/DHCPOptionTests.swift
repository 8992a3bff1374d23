import Testing
import Wire

@Suite struct DHCPOptionTests {
    private func octets(_ name: String, _ value: String, _ family: DHCPOption.Family = .v4) throws -> String {
        hexadecimal(try #require(DHCPOption.named(name, of: family)).octets(value))
    }

    @Test("each type of value has the octets of its RFC")
    func values() throws {
        #expect(try octets("router", "10.0.0.1") == "0a000001")
        #expect(try octets("dns_server", "{8.8.8.8, 8.8.4.4}") == "0808080808080404")
        #expect(try octets("mtu", "1442") == "05a2")
        #expect(try octets("lease_time", "3600") == "00000e10")
        #expect(try octets("default_ttl", "64") == "40")
        #expect(try octets("ethernet_encap", "true") == "01")
        #expect(try octets("ip_forward_enable", "0") == "00")
        #expect(try octets("domain_name", "\"ovn.org\"") == "6f766e2e6f7267")
        #expect(try octets("domain_name", "ovn.org") == "6f766e2e6f7267")
        #expect(try octets("tftp_server", "10.0.0.9") == hexadecimal("10.0.0.9".utf8))
        #expect(try octets("policy_filter", "{10.0.0.1, 255.255.255.0}") == "0a000001ffffff00")
        #expect(try octets("server_mac", "02:ac:10:ff:00:01") == "02ac10ff0001")
        #expect(try octets("dns_server", "fd00::1", .v6) == "fd" + String(repeating: "0", count: 28) + "01")
        let search = "036f766e036f726700" + "0161036f766e036f726700"
        #expect(try octets("domain_search", "ovn.org,a.ovn.org", .v6) == search)
        #expect(try octets("fqdn", "vm1.ovn.org", .v6) == "0003766d31036f766e036f726700")
    }

    @Test("routes have only the octets of a prefix that count (RFC 3442)")
    func routes() throws {
        let routes = "{30.0.0.0/24,10.0.0.10, 0.0.0.0/0,10.0.0.1}"
        #expect(try octets("classless_static_route", routes) == "181e00000a00000a000a000001")
        #expect(try octets("ms_classless_static_route", "10.1.2.3/32,10.0.0.1") == "200a0102030a000001")
    }

    @Test("a search list refers to ends of names that it has had (RFC 3397)")
    func searchList() throws {
        // The example of the RFC: eng.apple.com and marketing.apple.com.
        let expected = "03656e67056170706c6503636f6d00" + "096d61726b6574696e67c004"
        #expect(try octets("domain_search_list", "eng.apple.com,marketing.apple.com") == expected)
        #expect(try octets("domain_search_list", "a.b,a.b") == "0161016200c000")
    }

    @Test(
        "a value that cannot be is refused with the one that is needed",
        arguments: [
            ("router", "10.0.0.256"), ("router", "{10.0.0.1,}"), ("router", ""), ("netmask", "{1.1.1.1,2.2.2.2}"),
            ("mtu", "65536"), ("mtu", "-1"), ("mtu", "+5"), ("lease_time", "1h"), ("default_ttl", "256"),
            ("mtu", "67"), ("lease_time", "0"), ("T1", "0"), ("default_ttl", "0"), ("tcp_ttl", "0"),
            ("ethernet_encap", "yes"), ("domain_name", ""), ("domain_name", "a\nb"),
            ("domain_name", String(repeating: "x", count: 256)), ("domain_search_list", "a..b"),
            ("domain_search_list", "-a.b"), ("classless_static_route", "10.0.0.0/8"),
            ("classless_static_route", "10.0.0.1/8,10.0.0.1"), ("classless_static_route", "fd00::/8,10.0.0.1"),
            ("policy_filter", "10.0.0.1"), ("server_mac", "01:00:00:00:00:01"), ("server_mac", "x"),
        ]
    )
    func refused(name: String, value: String) {
        let error = #expect(throws: DHCPOptionError.self) { try octets(name, value) }
        #expect(error?.description.hasPrefix("must ") == true)
    }

    @Test("names and codes are unique, and names are sorted", arguments: [DHCPOption.Family.v4, .v6])
    func catalogue(family: DHCPOption.Family) {
        let options = DHCPOption.all(of: family)
        #expect(options.map(\.name) == options.map(\.name).sorted())
        let codes = options.map(\.code).filter { $0 != 0 }
        #expect(Set(codes).count == codes.count)
        #expect(DHCPOption.named("router_", of: family) == nil)
    }

    @Test("options lie in the order of codes, long ones in parts (RFC 3396)")
    func encoding() throws {
        let mtu = try #require(DHCPOption.named("mtu", of: .v4))
        let routes = try #require(DHCPOption.named("classless_static_route", of: .v4))
        let long = [UInt8](repeating: 7, count: 300)
        let encoded = DHCPOption.encode([(routes, long), (mtu, [5, 0xa2])], of: .v4)
        #expect(encoded.prefix(6) == [26, 2, 5, 0xa2, 121, 255])
        #expect(encoded[(4 + 257)...].prefix(3) == [121, 45, 7])
        #expect(encoded.count == 4 + 257 + 47)
        let server = try #require(DHCPOption.named("dns_server", of: .v6))
        #expect(DHCPOption.encode([(server, [1, 2])], of: .v6) == [0, 23, 0, 2, 1, 2])
    }

    @Test("a domain name has a bound for its labels and for all of it")
    func domainNames() throws {
        let label = String(repeating: "a", count: 63)
        #expect(DomainName(label) != nil && DomainName(label + "a") == nil)
        let long = Array(repeating: label, count: 3).joined(separator: ".") + "." + String(repeating: "b", count: 61)
        #expect(DomainName(long)?.octets.count == 255 && DomainName(long + "b") == nil)
        #expect(DomainName("VM1.Example.COM.")?.description == "vm1.example.com")
        #expect(DomainName(".")?.octets == [0] && DomainName("")?.isRoot == true)
        #expect(DomainName("a..b") == nil && DomainName("ä.de") == nil)
        #expect(DomainName(reverse: .v4(IPv4Address(0x0a000102))).description == "2.1.0.10.in-addr.arpa")
        let address = try #require(IPv6Address("2001:db8::567:89ab"))
        let reverse = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        #expect(DomainName(reverse: .v6(address)).description == reverse)
    }
}
