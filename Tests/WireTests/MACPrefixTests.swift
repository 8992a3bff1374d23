import Testing
import Wire

@Suite struct MACPrefixTests {
    @Test func `a prefix is three octets that interfaces may begin with`() throws {
        let prefix = try #require(MACPrefix("A:0:1f"))
        #expect(prefix.description == "0a:00:1f")
        #expect(prefix.address(0xa8_0103).description == "0a:00:1f:a8:01:03")
        // Nothing above 24 bits gets into the prefix.
        #expect(prefix.address(.max).description == "0a:00:1f:ff:ff:ff")
        #expect(prefix.contains(prefix.address(0)) && !prefix.contains(.broadcast))
        for text in ["", "0a:00", "0a:00:00:00", "0a:00:00:", ":0a:00:00", "01:00:5e", "00:00:00", "0a-00-00", "x:y:z"]
        {
            #expect(MACPrefix(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [UInt64(0), 1, 0x01_0000, 0xff_ffff, 0xdead_beef_cafe_f00d, .max])
    func `of any number comes a prefix that is locally administered and of no group`(number: UInt64) {
        let prefix = MACPrefix(local: number)
        #expect(prefix.rawValue & 0x03_0000 == 0x02_0000 && prefix.rawValue <= 0xff_ffff)
        #expect(MACPrefix(prefix.description) == prefix)
    }
}
