import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Testing

@testable import API

/// The handling of requests before any object is looked at.
@Suite struct RoutingTests {
    private let bench: APIBench

    init() throws { bench = try APIBench() }

    @Test func `An unknown path is 404, also on the port that does not have it`() {
        for path in ["/", "/v1/", "/v1/switchez", "/v1/switches/", "/v1/switches/a/b", "/v2/switches", "//"] {
            #expect(bench.send("GET", path).json["code"] == "path_not_found", "\(path)")
        }
        #expect(bench.send("GET", "/v1/switches", on: .southbound).status == 404)
        #expect(bench.send("POST", "/v1/chassis/hv1/sync", [:]).status == 404)
        #expect(bench.send("GET", "/openapi.yaml", on: .southbound).status == 404)
    }

    @Test func `A method that a path does not have is 405 with Allow; OPTIONS tells the same`() {
        let refused = bench.send("POST", "/v1/ports/p1", [:])
        #expect(refused.status == 405 && refused["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
        let options = bench.send("OPTIONS", "/v1/ports/p1")
        #expect(options.status == 204 && options["Allow"] == refused["Allow"])
        #expect(options["Accept-Patch"] == "application/merge-patch+json, application/json")
        #expect(bench.send("OPTIONS", "*").status == 204)
        #expect(bench.send("BREW", "/v1/transactions")["Allow"] == "OPTIONS, POST")
    }

    @Test func `HEAD is answered as GET`() {
        bench.send("POST", "/v1/switches", ["name": "ls1"])
        #expect(bench.send("HEAD", "/v1/switches/ls1")["ETag"] == "\"1\"")
        #expect(bench.send("HEAD", "/v1/switches/ls2").status == 404)
    }

    @Test func `An unknown, doubled or malformed query parameter is 400 naming it`() {
        for (query, code) in [
            ("colour=red", "unknown_parameter"), ("limit=1&limit=2", "unknown_parameter"),
            ("limit=0", "invalid_parameter"), ("limit=5001", "invalid_parameter"), ("limit=", "invalid_parameter"),
            ("limit=+5", "invalid_parameter"), ("limit=99999999999999999999", "invalid_parameter"),
            ("page_token=x", "invalid_parameter"), ("min_revision=-1", "invalid_parameter"),
        ] {
            let answer = bench.send("GET", "/v1/ports?" + query)
            #expect(answer.status == 400 && answer.json["code"] == .string(code), "\(query)")
            let name = query.prefix { $0 != "=" }
            #expect(answer.json["detail"]?.stringValue?.contains(name) == true)
        }
        #expect(bench.send("POST", "/v1/switches?force=true", ["name": "a"]).status == 400)
        #expect(bench.send("GET", "/v1/ports?limit=%zz").json["code"] == "malformed_target")
        #expect(bench.send("GET", "/v1/ports?").status == 200)
        #expect(bench.send("GET", "/v1/%70orts?%6cimit=5").status == 200)
    }

    @Test func `A body of another type is 415, one that is not JSON 400`() {
        let form = bench.send(
            "POST",
            "/v1/switches",
            text: #"{"name":"a"}"#,
            fields: [("Content-Type", "application/x-www-form-urlencoded")]
        )
        #expect(form.status == 415)
        #expect(form.json["detail"]?.stringValue?.contains("-H 'Content-Type: application/json'") == true)
        #expect(bench.send("POST", "/v1/switches", text: "{").json["code"] == "malformed_json")
        #expect(bench.send("POST", "/v1/switches", text: "").json["code"] == "malformed_json")
        #expect(bench.send("POST", "/v1/switches", text: #"{"name":"a","name":"b"}"#).status == 400)
        #expect(bench.send("POST", "/v1/switches", []).json["code"] == "invalid_value")
        for (method, path) in [("POST", "/v1/switches"), ("PUT", "/v1/switches/untyped"), ("PATCH", "/v1/switches/a")] {
            let untyped = bench.send(method, path, text: #"{"name":"untyped"}"#, isTyped: false)
            #expect(untyped.status == 415 && untyped.json["detail"]?.stringValue?.contains("of no type") == true)
        }
        bench.send("POST", "/v1/switches", ["name": "a"])
        #expect(bench.send("DELETE", "/v1/switches/a", text: "{}", isTyped: false).status == 415)
        #expect(bench.send("DELETE", "/v1/switches/a").status == 204)
    }

    @Test func `Bodies have limits by route`() {
        func limit(_ method: HTTPRequest.Method, _ path: String, _ plane: Route.Plane = .northbound) -> Int {
            bench.api(plane).contentByteCountMaximum(
                HTTPRequest(method: method, scheme: "http", authority: "a", path: path)
            )
        }
        #expect(limit(.post, "/v1/switches") == 1 << 20)
        #expect(limit(.post, "/v1/transactions") == 16 << 20)
        #expect(limit(.post, "/v1/chassis/hv1/sync", .southbound) == 16 << 20)
        #expect(limit(.post, "/nowhere") == 1 << 20)
    }

    @Test func `A request id is echoed when it is visible ASCII of at most 128 bytes, else made`() {
        func id(_ text: String) -> String? {
            bench.send("GET", "/livez", fields: [("X-Request-Id", text)])["X-Request-Id"]
        }
        #expect(id("abc-1") == "abc-1")
        #expect(id(String(repeating: "a", count: 128))?.count == 128)
        #expect(id(String(repeating: "a", count: 129))?.hasPrefix("made-") == true)
        #expect(id("a b")?.hasPrefix("made-") == true)
    }

    @Test func `Probes answer on both ports; readiness ends with the order to stop`() {
        for plane in Route.Plane.allCases {
            bench.isReady = true
            #expect(bench.send("GET", "/livez", on: plane).text == "ok\n")
            #expect(bench.send("GET", "/readyz", on: plane).text == "ok\n")
            #expect(bench.send("GET", "/version", on: plane).json["version"] == .string(API.version))
            bench.isReady = false
            #expect(bench.send("GET", "/readyz", on: plane).status == 503)
            #expect(bench.send("GET", "/livez", on: plane).status == 200)
        }
        #expect(bench.send("GET", "/openapi.yaml").text == "openapi")
    }

    @Test func `What is no HTTP gets the same kind of document`() {
        let reply = API.reply(RequestError.headTimeout, network: bench.network, requestID: "r1")
        guard case .bytes(let bytes) = reply.body else {
            Issue.record("no document")
            return
        }
        let json = try? JSONParser.parse(bytes)
        #expect(reply.head.status == .requestTimeout && json?["code"] == "request_timeout")
        #expect(json?["request_id"] == "r1")
    }

    @Test func `Every code of a refusal has a status of its route's contract`() {
        for code in Refusal.Code.allCases {
            #expect((400..<600).contains(Problem.status(of: code).code))
        }
    }
}
