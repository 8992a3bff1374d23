import NetworkModel
import Testing

@Suite struct ObjectNameTests {
    @Test func `the alphabet of names`() {
        for byte in UInt8.min...UInt8.max {
            let scalar = Character(Unicode.Scalar(byte))
            let isAllowed =
                byte < 0x80 && (scalar.isLetter || scalar.isNumber || "._:@-".contains(scalar))
            #expect((ObjectName.problem("a\(scalar)") == nil) == isAllowed, "\(byte)")
        }
    }

    @Test func `names are not what clients take out of paths`() {
        for name in [".", ".."] { #expect(ObjectName.problem(name) == "a name may not be \".\" or \"..\"") }
        for name in ["...", ".a", "a..", "-"] { #expect(ObjectName.problem(name) == nil) }
    }

    @Test func `names have 1 to 128 bytes and do not look like what objects are given`() {
        #expect(ObjectName.problem("") != nil)
        #expect(ObjectName.problem(String(repeating: "n", count: Limits.nameByteCountMaximum)) == nil)
        #expect(ObjectName.problem(String(repeating: "n", count: Limits.nameByteCountMaximum + 1)) != nil)
        #expect(ObjectName.problem("910a2dec-8902-8cc1-beeb-8da1658eec67") != nil)
        #expect(ObjectName.problem("910A2DEC-8902-8CC1-BEEB-8DA1658EEC67") != nil)
        for uuid in ["910a2dec-8902-4cc1-beeb-8da1658eec67", "910a2dec-8902-8cc1-ceeb-8da1658eec67"] {
            #expect(ObjectName.problem(uuid) == nil)
            #expect(ObjectName.problem(ofChassis: uuid) != nil)
        }
        #expect(ObjectName.problem("910a2dec-8902-8cc1-beeb-8da1658eec6") == nil)
        #expect(ObjectName.problem(ofChassis: "hv1") == nil && ObjectName.problem(ofChassis: "..") != nil)
    }
}
