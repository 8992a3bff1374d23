import HTTP
import Testing

@Suite struct HTTPDateTests {
    @Test(
        "Dates are IMF-fixdate, in leap years and at both ends too",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ]
    )
    func formats(_ seconds: Int64, _ text: String) {
        var bytes: [UInt8] = []
        HTTPDate.append(seconds, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }

    @Test(arguments: [784_111_777, 0, 951_782_399, 951_782_400, 4_107_542_400, 253_402_300_799])
    func `What is written is read back`(seconds: Int64) {
        var bytes: [UInt8] = []
        HTTPDate.append(seconds, to: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(HTTPDate.seconds(parsing: text) == seconds)
        for end in text.indices { #expect(HTTPDate.seconds(parsing: text[..<end]) == nil) }
    }

    @Test(arguments: [
        "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT",
    ])
    func `Other forms are no dates`(text: String) {
        #expect(HTTPDate.seconds(parsing: text) == nil)
    }
}
