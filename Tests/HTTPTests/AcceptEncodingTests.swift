import HTTP
import Testing

@Suite struct AcceptEncodingTests {
    @Test(
        "Weights decide between gzip and identity (RFC 9110 section 12.5.3)",
        arguments: [
            // value, prefers gzip, allows gzip, allows identity
            ("", false, false, true),
            ("gzip", true, true, true),
            ("GZip", true, true, true),
            ("x-gzip", true, true, true),
            ("deflate, gzip;q=1.0, *;q=0.5", true, true, true),
            ("gzip, deflate, br", true, true, true),
            ("gzip;q=0", false, false, true),
            ("gzip;q=0.0, identity", false, false, true),
            ("*", true, true, true),
            ("*;q=0", false, false, false),
            ("identity;q=0", false, false, false),
            ("identity;q=0, gzip", true, true, false),
            ("*;q=0, identity", false, false, true),
            ("*;q=0, gzip", true, true, false),
            ("gzip;q=0.5, identity;q=0.7", false, true, true),
            ("gzip;q=0.7, identity;q=0.5", true, true, true),
            ("gzip;q=0.001", true, true, true),
            ("gzip ; q=0.5", true, true, true),
            ("gzip;Q=0", false, false, true),
            ("identity", false, false, true),
            ("br", false, false, true),
            ("br, identity;q=0", false, false, false),
            // not understood, and so not said
            ("gzip;q=2", false, false, true),
            ("gzip;q=0.1234", false, false, true),
            ("gzip;q=1.5", false, false, true),
            ("gzip;q=", false, false, true),
            ("gzip;q=-1", false, false, true),
            ("gzip;level=9", false, false, true),
        ]
    )
    func weights(_ value: String, _ prefersGzip: Bool, _ allowsGzip: Bool, _ allowsIdentity: Bool) {
        let accepted = AcceptEncoding(value)
        #expect(accepted.prefersGzip == prefersGzip)
        #expect(accepted.allowsGzip == allowsGzip)
        #expect(accepted.allowsIdentity == allowsIdentity)
    }
}
