import NetworkModel
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"), (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] as [(Int64, String)]
    )
    func `seconds and text agree`(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).description == text)
        #expect(Timestamp(text)?.seconds == seconds)
    }

    @Test func `every day of four centuries comes back`() {
        for day in 0..<146_097 {
            let time = Timestamp(seconds: Int64(day) * 86_400 + 43_210)
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test(arguments: [
        "", "1970-01-01T00:00:00", "1970-01-01 00:00:00Z", "1970-02-30T00:00:00Z", "1970-13-01T00:00:00Z",
        "1970-01-01T24:00:00Z", "1970-01-01T00:00:0xZ", "1969-12-31T23:59:59Z", "0000-00-00T00:00:00Z",
    ])
    func `what is no time is nil`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `times outside the years 1970 to 9999 are moved into them`() {
        #expect(Timestamp(seconds: -1).description == "1970-01-01T00:00:00Z")
        #expect(Timestamp(seconds: .max).description == "9999-12-31T23:59:59Z")
    }
}
