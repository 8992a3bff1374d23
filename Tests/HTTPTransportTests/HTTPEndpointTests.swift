import HTTPTransport
import Testing

@Suite struct HTTPEndpointTests {
    @Test(
        "URLs name servers",
        arguments: [
            ("http://127.0.0.1:6641", HTTPEndpoint.tcp(host: "127.0.0.1", port: 6641), "127.0.0.1:6641"),
            ("http://127.0.0.1:6641/", .tcp(host: "127.0.0.1", port: 6641), "127.0.0.1:6641"),
            ("HTTP://central.example", .tcp(host: "central.example", port: 80), "central.example:80"),
            ("http://[fd00::1]:6642", .tcp(host: "fd00::1", port: 6642), "[fd00::1]:6642"),
            ("https://central.example", .tls(host: "central.example", port: 443), "central.example:443"),
            ("https://[fd00::1]:6641/", .tls(host: "fd00::1", port: 6641), "[fd00::1]:6641"),
            ("unix:/run/heddle.sock", .unix(path: "/run/heddle.sock"), "/run/heddle.sock"),
            ("unix:///run/heddle.sock", .unix(path: "/run/heddle.sock"), "/run/heddle.sock"),
        ]
    )
    func parses(_ url: String, _ endpoint: HTTPEndpoint, _ description: String) throws {
        #expect(try HTTPEndpoint(url: url) == endpoint)
        #expect(endpoint.description == description)
    }

    @Test(
        "Other texts are refused with the form that is wanted",
        arguments: [
            "", "127.0.0.1:6641", "ftp://a", "http://", "https://", "https://a:0", "http://:80", "http://a:",
            "http://a:0", "http://a:65536",
            "http://a:+1", "http://a/b", "http://a b", "http://u@a", "http://[::1", "http://[a]:1", "http://[::1]a",
            "unix:", "unix:relative",
        ]
    )
    func refuses(_ url: String) {
        #expect(throws: HTTPEndpointError.notAnEndpoint(url)) { try HTTPEndpoint(url: url) }
        #expect(
            HTTPEndpointError.notAnEndpoint(url).description.hasSuffix(
                "give http://HOST:PORT, https://HOST:PORT or unix:/PATH"
            )
        )
    }
}
