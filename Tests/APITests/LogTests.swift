import JSON
import NetworkModel
import Testing

@testable import API

/// Changes, their authors, and counters.
@Suite struct LogTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"], fields: [("X-Request-Id", "one")])
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1"], fields: [("Request-Id", "two")])
        bench.send("POST", "/v1/chassis/hv1/sync", WriteOptionTests.sync(seq: 1), on: .southbound)
        bench.send("DELETE", "/v1/switches/ls1")
    }

    private func changes(_ query: String) -> APIBench.Response { bench.send("GET", "/v1/changes?" + query) }

    private func text(_ answer: APIBench.Response) -> [String] {
        (answer.json["changes"]?.arrayValue ?? []).map { change in
            ["revision", "op", "name"].map { change[$0]?.stringValue ?? change[$0]?.text ?? "" }.joined(separator: " ")
        }
    }

    @Test func `Changes are those of every commit after a revision, in order`() {
        let all = changes("since=0")
        #expect(text(all) == ["1 put ls1", "2 put p1", "3 put hv1", "4 put p1", "5 delete ls1", "5 delete p1"])
        #expect(all.json["to"] == 5 && all.json["more"] == false && all.json["from"] == 0)
        #expect(all.json["epoch"] == "00000000000000ab" && all["Heddle-Revision"] == "5")
        #expect(all.json["changes"]?.arrayValue?[2]["object"]?["status"]?["live"] == true)
        #expect(text(changes("since=4")) == ["5 delete ls1", "5 delete p1"])
        #expect(text(changes("since=1&kinds=logical_switch_port")) == ["2 put p1", "4 put p1", "5 delete p1"])
        #expect(text(changes("since=1&kinds=chassis,logical_switch")) == ["3 put hv1", "5 delete ls1"])
        let quiet = changes("")
        #expect(text(quiet) == [] && quiet.json["from"] == 5 && quiet.json["to"] == 5)
    }

    @Test func `Every answer says the hash of the commit that it speaks of`() {
        let made = bench.send("POST", "/v1/switches", ["name": "ls2"])
        let six = bench.network.hash.description
        #expect(six != CommitHash.zero.description)
        #expect(made["Heddle-Revision"] == "6" && made["Heddle-Hash"] == six)
        for path in ["/v1/switches", "/v1/switches/ls2", "/v1/switches/nothing", "/livez"] {
            #expect(bench.send("GET", path)["Heddle-Hash"] == six, "\(path)")
        }
        let applied = bench.send("PUT", "/v1/topologies/o", ["switches": [["name": "ls3"]]])
        #expect(applied["Heddle-Revision"] == "7" && applied["Heddle-Hash"] == bench.network.hash.description)
        let all = changes("since=5")
        #expect(all.json["hash"]?.stringValue == bench.network.hash.description)
        #expect(all["Heddle-Hash"] == bench.network.hash.description)
        #expect(changes("since=6&epoch=00000000000000ab&hash=\(six)").json["to"] == 7)
    }

    @Test func `Changes that cannot be told are 410, parameters that cannot be 400`() throws {
        let hash = bench.network.hash.description
        for query in ["since=6", "since=5&epoch=00000000000000ac&hash=\(hash)"] {
            let answer = changes(query)
            #expect(answer.status == 410 && answer.json["code"] == "resync_required", "\(query)")
        }
        #expect(changes("since=5&epoch=00000000000000ab&hash=\(hash)").status == 200)
        #expect(changes("since=0&epoch=00000000000000ab").status == 200)
        let halves = ["since=5&epoch=00000000000000ab", "since=5&hash=\(hash)"]
        for query in halves {
            #expect(changes(query).json["detail"]?.stringValue?.contains("hash") == true, "\(query)")
        }
        let bad = ["since=x", "wait=61", "kinds=", "kinds=port", "kinds=chassis,", "epoch=ab", "since=-1", "hash=ab"]
        for query in halves + bad {
            #expect(changes(query).json["code"] == "invalid_parameter", "\(query)")
        }
        try bench.restart()
        #expect(text(changes("since=4")) == ["5 delete ls1", "5 delete p1"])
    }

    private let events = [("Accept", "text/event-stream")]

    @Test func `An EventSource gets an answer that begins at once and goes on with what changes`() {
        let first = bench.send("GET", "/v1/changes?since=4&kinds=logical_switch", fields: events)
        #expect(
            first.status == 200 && first["Content-Type"] == "text/event-stream" && first["Cache-Control"] == "no-store"
        )
        let lines = first.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.prefix(3) == ["retry: 1000", "id: 00000000000000ab-5-\(bench.network.hash)", "event: changes"])
        #expect(
            lines[3].hasPrefix(#"data: {"epoch":"00000000000000ab","from":4,"to":5,"#) && lines.suffix(2) == ["", ""]
        )
        bench.send("POST", "/v1/switches", ["name": "ls2"])
        let second = bench.more()
        let id = "id: 00000000000000ab-6-\(bench.network.hash)"
        #expect(second?.hasPrefix("\(id)\nevent: changes\ndata: {") == true)
        #expect(second?.contains(#""name":"ls2""#) == true && bench.then != nil)
        let seen = events + [("Last-Event-ID", String(id.dropFirst(4)))]
        let quiet = bench.send("GET", "/v1/changes?since=0", fields: seen)
        #expect(quiet.text == "retry: 1000\n\(id)\n: heartbeat\n\n")
        #expect(quiet["Heddle-Revision"] == "6" && bench.then != nil)
        _ = bench.send("GET", "/v1/changes?since=0&wait=0", fields: seen)
        #expect(bench.then == nil, "it ends when all is told")
        let head = bench.send("HEAD", "/v1/changes", fields: events)
        #expect(head.status == 200 && head["Content-Type"] == "text/event-stream" && bench.then == nil)
        for accept in [
            "application/json, */*", "*/*", "text/*", "text/event-stream;q=0, application/json",
            "text/event-stream;q=0",
            "application/json, text/event-stream;q=0.1", "text/event-stream;q=0.5, */*", "text/event-stream; q=0",
        ] {
            let json = bench.send("GET", "/v1/changes?since=5", fields: [("Accept", accept)])
            #expect(json["Content-Type"] == "application/json" && json.json["to"] == 6, "\(accept)")
        }
        for accept in [
            "text/event-stream", "application/json;q=0.9, text/event-stream", "Text/Event-Stream, */*;q=0.1",
        ] {
            let stream = bench.send("GET", "/v1/changes?since=5&wait=0", fields: [("Accept", accept)])
            #expect(stream["Content-Type"] == "text/event-stream", "\(accept)")
        }
    }

    @Test func `An EventSource that cannot be told what it has missed is told so, and hears on from now`() {
        let gone = bench.send(
            "GET",
            "/v1/changes",
            fields: events + [("Last-Event-ID", "00000000000000ac-5-0123456789abcdef")]
        )
        let now = "00000000000000ab-5-\(bench.network.hash)"
        #expect(gone.status == 200)
        #expect(gone.text.hasPrefix("retry: 1000\nid: \(now)\nevent: gone\ndata: {"))
        #expect(gone.text.contains(#""code":"resync_required""#) && gone.text.hasSuffix("}\n\n"))
        bench.send("POST", "/v1/switches", ["name": "ls2"])
        #expect(bench.more()?.hasPrefix("id: 00000000000000ab-6-") == true)
        // An id as an older central gave it.
        let old = bench.send("GET", "/v1/changes", fields: events + [("Last-Event-ID", "00000000000000ab-6")])
        #expect(old.status == 200 && old.text.contains("\nevent: gone\n"))
        let strange = bench.send("GET", "/v1/changes", fields: events + [("Last-Event-ID", "5")])
        #expect(strange.status == 400 && strange.json["code"] == "invalid_header")
    }

    @Test func `A stream whose token is revoked or expires ends with the problem`() throws {
        for isRevoked in [true, false] {
            let made = bench.send("POST", "/v1/tokens", ["role": "viewer", "expires_in": 60]).json
            let secret = try #require(made["token"]?.stringValue)
            let fields = events + [("Authorization", "Bearer \(secret)")]
            #expect(bench.send("GET", "/v1/changes", fields: fields, from: .stranger).status == 200)
            if isRevoked {
                bench.send("DELETE", "/v1/tokens/" + (made["id"]?.stringValue ?? ""))
            } else {
                bench.wallClock += 60
            }
            let last = bench.more()
            #expect(last?.hasPrefix("event: problem\ndata: {") == true && bench.then == nil)
            #expect(last?.contains(#""code":"unauthenticated""#) == true)
        }
    }

    @Test func `A large page is written in slices, and reads as the one of a long poll`() {
        let ops = (0..<500).map { index -> JSONValue in
            ["op": "create", "path": "/v1/switches", "body": ["name": .string("s\(index)")]]
        }
        bench.send("POST", "/v1/transactions", ["ops": .array(ops)])
        let stream = bench.send("GET", "/v1/changes?since=5&wait=0", fields: events)
        #expect(stream.sliceCount > 2)
        #expect(stream.text.contains("data: " + changes("since=5").text + "\n\n"))
    }

    @Test func `The log tells who changed what, when and from where, newest first`() {
        let audit = bench.send("GET", "/v1/audit").json["items"]?.arrayValue ?? []
        #expect(audit.map { $0["revision"] } == [5, 4, 3, 2, 1])
        let first = audit.last
        #expect(first?["author"] == "anonymous" && first?["source"] == "192.0.2.1:4711")
        #expect(first?["request_id"] == "one" && first?["time"] == "2023-11-14T22:13:20Z")
        #expect(first?["changes"]?.arrayValue?.first?["name"] == "ls1")
        #expect(audit[3]["request_id"] == "two" && audit[2]["author"] == "chassis/hv1" && audit[2]["source"] == .null)
        #expect(audit[0]["change_count"] == 2)
        let filtered = bench.send("GET", "/v1/audit?author=chassis/hv1").json["items"]?.arrayValue
        #expect(filtered?.map { $0["revision"] } == [4, 3])
    }

    @Test func `Who may only look hears of no tokens in the log, and not where others are`() throws {
        bench.send("POST", "/v1/tokens", ["role": "editor"])
        let whole = bench.send("GET", "/v1/audit").json["items"]?.arrayValue ?? []
        #expect(whole[0]["changes"]?.arrayValue?.first?["kind"] == "token")
        let made = bench.send("POST", "/v1/tokens", ["role": "viewer"]).json
        let token = try #require(made["token"]?.stringValue)
        let fields = [("Authorization", "Bearer \(token)")]
        let seen = bench.send("GET", "/v1/audit", fields: fields, from: .stranger).json["items"]?.arrayValue ?? []
        #expect(seen.count == whole.count + 1 && seen[0]["changes"] == [] && seen[1]["changes"] == [])
        #expect(seen.allSatisfy { $0["source"] == .null })
        #expect(seen[2]["changes"] == whole[1]["changes"] && seen[2]["author"] == whole[1]["author"])
    }

    @Test func `Pages of the log go back to its beginning`() {
        var revisions: [JSONValue] = []
        var query = "limit=2"
        while true {
            let page = bench.send("GET", "/v1/audit?" + query).json
            revisions += page["items"]?.arrayValue?.compactMap { $0["revision"] } ?? []
            guard let token = page["next_page_token"]?.stringValue, revisions.count < 9 else { break }
            query = "limit=2&page_token=\(token)"
            if revisions.count == 2 {
                #expect(bench.send("GET", "/v1/audit?author=x&page_token=\(token)").status == 400)
                bench.send("POST", "/v1/switches", ["name": "later"])
            }
        }
        #expect(revisions == [5, 4, 3, 2, 1] && bench.send("GET", "/v1/audit").json["kept_after"] == 0)
        for bad in ["limit=0", "page_token=x", "author=a&colour=b"] {
            #expect(bench.send("GET", "/v1/audit?" + bad).status == 400, "\(bad)")
        }
    }

    @Test func `A large commit is cut short in the log, and counted whole`() {
        let ops = (0..<150).map { index -> JSONValue in
            ["op": "create", "path": "/v1/switches", "body": ["name": .string("s\(index)")]]
        }
        bench.send("POST", "/v1/transactions", ["ops": .array(ops)])
        let item = bench.send("GET", "/v1/audit?limit=1").json["items"]?.arrayValue?.first
        #expect(item?["change_count"] == 150 && item?["changes"]?.arrayValue?.count == 100)
    }

    @Test func `Metrics are Prometheus text with the contract's routes as labels`() throws {
        var requests = RequestStatistics()
        requests.record(.get(.logicalSwitch), status: 200, .microseconds(300))
        requests.record(.get(.logicalSwitch), status: 404, .seconds(90))
        requests.record(nil, status: 400, .zero)
        var appends = Histogram()
        appends.record(.milliseconds(4))
        let gauges: [Statistics.Gauge] = [
            .init("heddle_revision", "The newest.", 7), .init("heddle_chassis", "Chassis.", by: "state", [("live", 2)]),
            .init("heddle_turn", "Turns.", by: "thread", [("core", .microseconds(1500))]),
        ]
        let statistics = Statistics(requests: requests, appends: appends, storeByteCount: 0, gauges: gauges)
        let bench = try APIBench(statistics: statistics)
        let metrics = bench.send("GET", "/metrics")
        #expect(metrics["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        let lines = Set(metrics.text.split(separator: "\n").map(String.init))
        let route = #"route="/v1/switches/{ref}",method="GET""#
        for line in [
            "# TYPE heddle_http_requests_total counter", #"heddle_http_requests_total{\#(route),code="404"} 1"#,
            #"heddle_http_requests_total{route="",method="",code="400"} 1"#,
            #"heddle_http_request_duration_seconds_bucket{\#(route),le="0.00025"} 0"#,
            #"heddle_http_request_duration_seconds_bucket{\#(route),le="0.0005"} 1"#,
            #"heddle_http_request_duration_seconds_bucket{\#(route),le="+Inf"} 2"#,
            #"heddle_http_request_duration_seconds_sum{\#(route)} 90.0003"#,
            "heddle_store_append_duration_seconds_count 1", "heddle_revision 7", #"heddle_chassis{state="live"} 2"#,
            #"heddle_turn{thread="core"} 0.0015"#,
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(bench.send("GET", "/metrics", on: .southbound).status == 404)
    }
}
