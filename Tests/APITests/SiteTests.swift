import JSON
import NetworkModel
import Testing

@testable import API

/// Requests of browsers for pages of other sites, and those that proxies pass on.
@Suite struct SiteTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"])
    }

    @Test(arguments: [
        [("Origin", "https://evil.example")], [("Origin", "null")], [("Origin", "http://test:8080")],
        [("Origin", "http://test.evil.example")], [("Origin", "")], [("Origin", "test")],
        [("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")],
        [("Origin", "http://test"), ("Sec-Fetch-Site", "cross-site")],
    ])
    func `No page of another site changes anything, on either port, whoever asks`(fields: [(String, String)]) {
        let before = bench.network.revision
        for peer in [Peer.anyone, .local, .user(0), .stranger] {
            for (method, path) in [
                ("POST", "/v1/switches"), ("POST", "/v1/transactions"), ("PUT", "/v1/switches/ls2"),
                ("PATCH", "/v1/switches/ls1"), ("DELETE", "/v1/switches/ls1"),
            ] {
                let body: JSONValue? = method == "DELETE" ? nil : ["name": "ls1"]
                let answer = bench.send(
                    method,
                    path,
                    body,
                    authority: peer == .local ? "localhost" : "test",
                    fields: fields,
                    from: peer
                )
                let code = answer.json["code"]?.stringValue
                #expect(answer.status == 403 && code == "cross_site", "\(method) \(path) \(answer.text)")
            }
        }
        let body = WriteOptionTests.sync(seq: 1)
        let sync = bench.send("POST", "/v1/chassis/hv1/sync", body, fields: fields, on: .southbound)
        #expect(sync.status == 403 && sync.json["code"] == "cross_site")
        #expect(bench.network.revision == before)
        // The answer is kept from the page by the browser.
        #expect(bench.send("GET", "/v1/switches", fields: fields).status == 200)
    }

    @Test(arguments: [
        [], [("Origin", "http://test")], [("Origin", "HTTP://TEST:80")], [("Origin", "https://test:443")],
        [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://test")], [("Sec-Fetch-Site", "none")],
    ])
    func `Programs, and pages of its own, do`(fields: [(String, String)]) {
        #expect(bench.send("POST", "/v1/switches", ["name": "ls2"], fields: fields).status == 201)
    }

    @Test(arguments: ["Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto"])
    func `Whom a proxy of this machine hands on is nobody`(name: String) throws {
        let fields = [(name, "1.1 proxy")]
        for peer in [Peer.local, .user(0)] {
            let answer = bench.send("GET", "/v1/switches", authority: "localhost", fields: fields, from: peer)
            #expect(answer.status == 403 && answer.json["code"] == "proxied", "\(answer.text)")
            #expect(answer.json["detail"]?.stringValue?.contains(name) == true)
            #expect(bench.send("GET", "/livez", authority: "localhost", fields: fields, from: peer).status == 200)
        }
        #expect(bench.send("GET", "/v1/switches", fields: fields).status == 200, "--insecure")
        let token = bench.send("POST", "/v1/tokens", ["role": "viewer"]).json["token"]?.stringValue
        let shown = fields + [("Authorization", "Bearer \(try #require(token))")]
        #expect(bench.send("GET", "/v1/switches", authority: "localhost", fields: shown, from: .local).status == 200)
        let body = WriteOptionTests.sync(seq: 1)
        let sync = bench.send(
            "POST",
            "/v1/chassis/hv1/sync",
            body,
            authority: "localhost",
            fields: fields,
            on: .southbound,
            from: .local
        )
        #expect(sync.status == 403 && sync.json["code"] == "proxied")
    }
}
