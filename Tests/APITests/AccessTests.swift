import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Persistent
import Security
import Southbound
import TestSupport
import Testing
import Wire

@testable import API

/// Access rules, generated from the table of routes.
@Suite struct AccessTests {
    private let bench: APIBench

    init() throws { bench = try APIBench() }

    /// The text of a new token.
    private func token(_ body: JSONValue) throws -> String {
        let answer = bench.send("POST", "/v1/tokens", body)
        try #require(answer.status == 201, "\(answer.text)")
        return try #require(answer.json["token"]?.stringValue)
    }

    private func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }

    /// Joins a chassis; what its connections are known by.
    private func join(_ name: String) throws -> Peer {
        let token = try token(["chassis": .string(name)])
        let request = String(decoding: try CertificateRequest.make(for: try PrivateKey.make()).pem(), as: UTF8.self)
        let answer = bench.send(
            "POST",
            "/v1/chassis/\(name)/enrolment",
            ["token": .string(token), "request": .string(request)],
            on: .southbound,
            from: .stranger
        )
        try #require(answer.status == 201, "\(answer.text)")
        let certificate = try #require(
            try Certificate.list(pem: Array((answer.json["certificate"]?.stringValue ?? "").utf8)).first
        )
        return .certificate(uris: certificate.uris, notAfter: certificate.notAfter)
    }

    private func sync(
        _ name: String,
        ip: String,
        seq: Int64 = 1,
        chassisID: String? = nil
    ) -> JSONValue {
        [
            "chassis_id": .string(chassisID ?? "id-\(name)"), "boot_id": "b", "seq": .integer(seq), "version": "1",
            "features": [], "hostname": .string(name), "epoch": "00000000000000ab", "since": 0, "applied": 0, "wait": 0,
            "encaps": [["type": "geneve", "ip": .string(ip)]], "ports": [], "errors": [],
        ]
    }

    @Test func `The table says who may use what`() {
        let lines = Routes.all.map { route in
            let access =
                switch route.access {
                case .anyone: "anyone"
                case .role(let role): role.rawValue
                case .chassis: "the chassis"
                case .renewal: "the chassis, a while longer"
                case .joining: "a join token"
                }
            return "\(route.method.rawValue) \(route.path): \(access)"
        }
        #expect(goldenMismatch(lines.joined(separator: "\n") + "\n", named: "access") == nil)
    }

    @Test(arguments: Role.allCases)
    func `A role may use exactly the routes that it includes`(role: Role) throws {
        let token = try token(["role": .string(role.rawValue)])
        for route in Routes.all where route.planes.contains(.northbound) {
            let path = path(route, name: "nothing")
            let answer = bench.send(route.method.rawValue, path, fields: bearer(token), from: .stranger)
            if case .role(let needed) = route.access, !role.includes(needed) {
                #expect(answer.status == 403 && answer.json["code"] == "forbidden", "\(route.endpoint)")
                #expect(answer.json["detail"]?.stringValue?.contains("the role \(needed.rawValue)") == true)
            } else {
                #expect(![401, 403].contains(answer.status), "\(route.endpoint): \(answer.text)")
            }
        }
    }

    @Test func `An operation of a transaction takes what a request of its own would take`() throws {
        let own = try join("hv1")
        let synced = bench.send(
            "POST",
            "/v1/chassis/hv1/sync",
            sync("hv1", ip: "10.0.0.1"),
            on: .southbound,
            from: own
        )
        #expect(synced.status == 200)
        let body: JSONValue = ["ops": [["op": "delete", "path": "/v1/chassis/hv1"]]]
        let editor = bearer(try token(["role": "editor"]))
        let refused = bench.send("POST", "/v1/transactions", body, fields: editor, from: .stranger)
        #expect(refused.status == 403 && refused.json["pointer"] == "/ops/0", "\(refused.text)")
        #expect(bench.network.southbound.chassis(named: "hv1") != nil)
        let admin = bearer(try token(["role": "admin"]))
        #expect(bench.send("POST", "/v1/transactions", body, fields: admin, from: .stranger).status == 200)
    }

    @Test func `Whoever shows nothing may use what is for anyone, and hears what it takes for the rest`() {
        for route in Routes.all where route.planes.contains(.northbound) {
            let answer = bench.send(route.method.rawValue, path(route, name: "nothing"), from: .stranger)
            guard case .role(let needed) = route.access else {
                // This central has no console.
                let isMissing = answer.json["code"] == "path_not_found"
                #expect(answer.status == 200 || isMissing, "\(route.endpoint)")
                continue
            }
            #expect(answer.status == 401 && answer["WWW-Authenticate"] == "Bearer realm=\"heddle\"")
            #expect(answer.json["detail"]?.stringValue?.contains("--role \(needed.rawValue)") == true)
        }
        #expect(bench.network.revision == 0)
    }

    @Test func `No chassis can act as another: every southbound operation on every foreign object is 403`() throws {
        let own = try join("hv1")
        let other = try join("hv2")
        #expect(
            bench.send("POST", "/v1/chassis/hv1/sync", sync("hv1", ip: "10.0.0.1"), on: .southbound, from: own).status
                == 200
        )
        #expect(
            bench.send("POST", "/v1/chassis/hv2/sync", sync("hv2", ip: "10.0.0.2"), on: .southbound, from: other).status
                == 200
        )
        let revision = bench.network.revision
        var count = 0
        for route in Routes.all where route.planes.contains(.southbound) {
            switch route.access {
            case .anyone, .joining: continue
            case .role: Issue.record("\(route.endpoint) is for users, on the port of the chassis")
            case .chassis, .renewal:
                try #require(route.path.contains("{name}"), "\(route.endpoint) does not say whose object it is about")
                for name in ["hv2", "hv3", "HV1", "hv1%00"] {
                    let answer = bench.send(
                        route.method.rawValue,
                        path(route, name: name),
                        route.content == nil ? nil : sync("hv2", ip: "10.0.0.2", seq: 9),
                        on: .southbound,
                        from: own
                    )
                    #expect(answer.status == 403, "\(route.endpoint) \(name): \(answer.text)")
                    count += 1
                }
                #expect(
                    bench.send(route.method.rawValue, path(route, name: "hv1"), on: .southbound, from: .stranger).status
                        == 403
                )
            }
        }
        #expect(count == 16)
        // Names in a body count as well: another's address, another's identity.
        for body in [
            sync("hv1", ip: "10.0.0.2", seq: 2), sync("hv1", ip: "10.0.0.1", seq: 2, chassisID: "id-hv2"),
        ] {
            let answer = bench.send("POST", "/v1/chassis/hv1/sync", body, on: .southbound, from: own)
            #expect([403, 409].contains(answer.status), "\(answer.text)")
        }
        #expect(bench.network.revision == revision)
        let view = bench.network.southbound.chassis(named: "hv2")
        #expect(view?.chassisID == "id-hv2" && view?.encaps.map(\.ip.description) == ["10.0.0.2"])
    }

    @Test func `A join token works once, in time, for its chassis`() throws {
        let text = try token(["chassis": "hv1", "expires_in": 60])
        let request = String(decoding: try CertificateRequest.make(for: try PrivateKey.make()).pem(), as: UTF8.self)
        func enrol(_ name: String, _ token: String, at time: Int64 = APIBench.time) -> APIBench.Response {
            bench.send(
                "POST",
                "/v1/chassis/\(name)/enrolment",
                ["token": .string(token), "request": .string(request)],
                on: .southbound,
                from: .stranger,
                at: time
            )
        }
        #expect(enrol("hv2", text).json["detail"]?.stringValue?.contains("is for the chassis \"hv1\"") == true)
        #expect(enrol("hv1", text, at: APIBench.time + 60).json["detail"]?.stringValue?.contains("expired") == true)
        let forged = String(text.dropLast(70)) + (text.dropLast(69).last == "0" ? "1" : "0") + text.suffix(69)
        let unknown = enrol("hv1", forged)
        #expect(unknown.json["detail"]?.stringValue?.contains("not one of this central") == true)
        let garbage = bench.send(
            "POST",
            "/v1/chassis/hv1/enrolment",
            ["token": .string(text), "request": "x"],
            on: .southbound,
            from: .stranger
        )
        #expect(garbage.status == 422 && garbage.json["pointer"] == "/request")
        #expect(enrol("hv1", text).status == 201)
        let again = enrol("hv1", text)
        #expect(again.status == 403 && again.json["detail"]?.stringValue?.contains("was used") == true)
        let user = bench.send("GET", "/v1/switches", fields: bearer(text), from: .stranger)
        #expect(user.status == 401)
    }

    @Test func `A certificate is renewed in its time and a week beyond, and holds no more once its chassis is deleted`()
        throws
    {
        let peer = try join("hv1")
        guard case .certificate(let uris, let end) = peer else { return }
        let request = String(decoding: try CertificateRequest.make(for: try PrivateKey.make()).pem(), as: UTF8.self)
        func renew(at time: Int64) -> APIBench.Response {
            bench.send(
                "POST",
                "/v1/chassis/hv1/certificate",
                ["request": .string(request)],
                on: .southbound,
                from: .certificate(uris: uris, notAfter: end),
                at: time
            )
        }
        let renewed = renew(at: end - 1)
        #expect(renewed.status == 200)
        let next = try Certificate.list(pem: Array((renewed.json["certificate"]?.stringValue ?? "").utf8))
        #expect(next.first?.uris == uris)
        let late = bench.send(
            "POST",
            "/v1/chassis/hv1/sync",
            sync("hv1", ip: "10.0.0.1"),
            on: .southbound,
            from: peer,
            at: end
        )
        #expect(late.status == 403 && late.json["detail"]?.stringValue?.contains("expired at") == true)
        #expect(renew(at: end + API.renewalGraceSeconds - 1).status == 200)
        #expect(renew(at: end + API.renewalGraceSeconds).status == 403)
        #expect(
            bench.send("POST", "/v1/chassis/hv1/sync", sync("hv1", ip: "10.0.0.1"), on: .southbound, from: peer).status
                == 200
        )
        #expect(bench.send("DELETE", "/v1/chassis/hv1").status == 204)
        let revoked = bench.send(
            "POST",
            "/v1/chassis/hv1/sync",
            sync("hv1", ip: "10.0.0.1", seq: 2),
            on: .southbound,
            from: peer
        )
        #expect(revoked.status == 403 && revoked.json["detail"]?.stringValue?.contains("was revoked") == true)
        #expect(renew(at: end - 1).status == 403)
        #expect(bench.network.southbound.chassis(named: "hv1") == nil)
        // Whoever joins anew gets certificates that hold; those of before stay worthless.
        _ = try join("hv1")
        #expect(
            bench.send("POST", "/v1/chassis/hv1/sync", sync("hv1", ip: "10.0.0.1"), on: .southbound, from: peer).status
                == 403
        )
    }

    @Test func `The secret of a token is shown once and kept nowhere`() throws {
        let text = try token(["role": "viewer"])
        let parts = try #require(TokenText(text))
        let shown = bench.send("GET", "/v1/tokens/\(parts.id)")
        #expect(shown.status == 200 && shown.json["role"] == "viewer" && !shown.text.contains(parts.secret))
        #expect(!bench.send("GET", "/v1/tokens").text.contains(parts.secret))
        let entry = try #require(bench.network.access.tokens[parts.id])
        #expect(entry.token.hash != parts.secret && !shown.text.contains(entry.token.hash))
        #expect(entry.token.createdBy == "anonymous")
    }

    @Test func `Tokens that do not hold are 401 with the reason, on loopback too`() throws {
        let text = try token(["role": "viewer", "expires_in": 10])
        func status(_ field: String, at time: Int64 = APIBench.time) -> [Int] {
            [Peer.stranger, .local].map { peer in
                var request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/v1/switches")
                request.headerFields[.authorization] = field
                let action = bench.api(.northbound).action(
                    request,
                    body: [],
                    network: bench.network,
                    source: "192.0.2.1:4711",
                    isReady: true,
                    peer: peer,
                    now: time,
                    newRequestID: "r"
                )
                guard case .reply(let reply) = action else { return 0 }
                return reply.head.status.code
            }
        }
        #expect(status("Bearer \(text)") == [200, 200] && status("bearer  \(text)") == [200, 200])
        for field in ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer \(text)0", "Bearer \(text) x", "Token \(text)"] {
            #expect(status(field) == [401, 401], "\(field)")
        }
        #expect(status("Bearer \(text)", at: APIBench.time + 10) == [401, 401])
        let id = try #require(TokenText(text)).id
        #expect(bench.send("DELETE", "/v1/tokens/\(id)").status == 204)
        #expect(status("Bearer \(text)") == [401, 401])
        #expect(bench.send("DELETE", "/v1/tokens/\(id)").status == 404)
    }

    @Test func `Over loopback Host names this machine, or a browser was led astray`() throws {
        func status(_ authority: String?, _ peer: Peer) -> Int {
            let request = HTTPRequest(method: .get, scheme: "http", authority: authority, path: "/livez")
            let action = bench.api(.northbound).action(
                request,
                body: [],
                network: bench.network,
                source: "192.0.2.1:4711",
                isReady: true,
                peer: peer,
                newRequestID: "r"
            )
            guard case .reply(let reply) = action else { return 0 }
            return reply.head.status.code
        }
        for host in ["localhost", "LOCALHOST:6641", "127.0.0.1", "127.1.2.3:80", "[::1]:6641", "localhost."] {
            #expect(status(host, .local) == 200, "\(host)")
        }
        for host in [
            "evil.example", "evil.example:6641", "localhost.evil.example", "10.0.0.1", "[::2]", "", "[::1",
            "127.0.0.1.evil",
        ] {
            #expect(status(host, .local) == 421, "\(host)")
        }
        #expect(status("evil.example", .anyone) == 200 && status("evil.example", .stranger) == 200)
        #expect(status("evil.example", .user(0)) == 200)
    }

    @Test func `A token's body is checked member by member`() {
        for (body, pointer) in [
            ([:], ""), (["role": "viewer", "chassis": "hv1"], ""), (["role": "root"], "/role"),
            (["chassis": ""], "/chassis"), (["role": 1], ""), (["role": "viewer", "expires_in": 0], "/expires_in"),
            (["role": "viewer", "expires_in": 315_360_001], "/expires_in"),
            (["role": "viewer", "expires_in": "1d"], "/expires_in"), ([], ""),
        ] as [(JSONValue, JSONValue)] {
            let answer = bench.send("POST", "/v1/tokens", body)
            #expect(answer.status == 422 && answer.json["pointer"] == pointer, "\(body.text): \(answer.text)")
        }
        #expect(bench.send("POST", "/v1/tokens", ["role": "viewer", "name": "x"]).status == 400)
    }

    private func path(_ route: Route, name: String) -> String {
        let segments = route.segments.map { segment in
            switch segment {
            case .literal(let text): text
            case .variable: name
            }
        }
        return "/" + segments.joined(separator: "/")
    }
}
