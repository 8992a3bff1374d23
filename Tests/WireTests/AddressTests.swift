import Testing
import Wire

@Suite struct AddressTests {
    @Test func aMACAddressIsReadAndWrittenInLowerCase() throws {
        let address = try #require(MACAddress("02:AC:10:ff:0:11"))
        #expect(address.description == "02:ac:10:ff:00:11")
        #expect(address.octets == [0x02, 0xac, 0x10, 0xff, 0x00, 0x11])
        #expect(!address.isMulticast)
        #expect(MACAddress("01:00:5e:00:00:01")?.isMulticast == true)
    }

    @Test(arguments: [
        "", "02", "02:ac:10:ff:00", "02:ac:10:ff:00:11:22", "02:ac:10:ff:00:1g", "02-ac-10-ff-00-11",
        "02:ac:10:ff:00:111", " 02:ac:10:ff:00:11", "02:ac:10:ff:00:11 ", "02::10:ff:00:11",
    ])
    func aBadMACAddressIsRefused(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func theLinkLocalAddressIsModifiedEUI64() {
        #expect(MACAddress("02:ac:10:ff:00:11")?.linkLocalAddress.description == "fe80::ac:10ff:feff:11")
        #expect(MACAddress("00:00:00:00:ff:01")?.linkLocalAddress.description == "fe80::200:ff:fe00:ff01")
    }

    @Test(arguments: ["0.0.0.0", "172.16.255.11", "255.255.255.255"])
    func anIPv4AddressRoundTrips(text: String) {
        #expect(IPv4Address(text)?.description == text)
    }

    @Test(arguments: ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1..3.4", "1.2.3.-4", "a.b.c.d"])
    func aBadIPv4AddressIsRefused(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    // RFC 5952 section 4 and RFC 4291 section 2.2.
    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:192.0.2.1", "::ffff:c000:201"), ("fe80:0:0:0:0:0:0:1", "fe80::1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func anIPv6AddressIsReadAndWrittenCanonically(text: String, canonical: String) {
        #expect(IPv6Address(text)?.description == canonical)
    }

    @Test(arguments: [
        "", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7:8::",
        "fe80::1%eth0",
        "::1/64", "::1.2.3", "1.2.3.4::", ":1:2:3:4:5:6:7:8",
    ])
    func aBadIPv6AddressIsRefused(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func aPrefixKnowsWhetherItNamesASubnet() {
        #expect(IPPrefix("10.0.0.0/24")?.hasZeroHostBits == true)
        #expect(IPPrefix("10.0.0.5/24")?.hasZeroHostBits == false)
        #expect(IPPrefix("10.0.0.5")?.length == 32)
        #expect(IPPrefix("0.0.0.0/0")?.hasZeroHostBits == true)
        #expect(IPPrefix("2001:db8::/64")?.hasZeroHostBits == true)
        #expect(IPPrefix("2001:db8:0:0:1::/64")?.hasZeroHostBits == false)
        #expect(IPPrefix("2001:db8:0:1::/32")?.hasZeroHostBits == false)
        for bad in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/1/2", "::/129", "/24", "10.0.0.0/+8"] {
            #expect(IPPrefix(bad) == nil)
        }
    }

    @Test func anObjectIDIsAVersion4UUID() throws {
        var generator = SystemRandomNumberGenerator()
        let id = ObjectID(using: &generator)
        let text = id.description
        #expect(text.count == 36)
        #expect(Array(text)[14] == "4")
        #expect("89ab".contains(Array(text)[19]))
        #expect(ObjectID(text) == id)
        #expect(ObjectID(text.uppercased()) == id)
        #expect(ObjectID(text.dropLast()) == nil)
        #expect(ObjectID(text.replacing("-", with: "0")) == nil)
    }

    @Test func objectsThatAreMadeLaterHaveGreaterIDs() {
        var generator = SystemRandomNumberGenerator()
        let places: [(UInt64, Int)] = [(1, 0), (1, 1), (1, 0xfff), (2, 0), (255, 7), (256, 6), (1 << 47, 0)]
        let ids = places.map { ObjectID(revision: $0.0, place: $0.1, random: generator.next()) }
        #expect(ids == ids.sorted())
        #expect(ids[1].description.hasPrefix("00000000-0001-8001-"))
        // Beyond its bits a place begins anew; the rest still tells them apart.
        let beyond = ObjectID(revision: 1, place: 0x1000, random: generator.next())
        #expect(beyond.description.hasPrefix("00000000-0001-8000-"))
        for id in ids {
            #expect("89ab".contains(Array(id.description)[19]))
            #expect(ObjectID(id.description) == id)
        }
    }
}
