import JSON
import Testing

@testable import API

/// Lists by field and label, and objects with some of their members.
@Suite struct FilterTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        for name in ["ls1", "ls2"] { bench.send("POST", "/v1/switches", ["name": .string(name)]) }
        for (name, parent, labels, address) in [
            ("a", "ls1", ["tier": "front", "os": "deb"] as JSONValue, "02:00:00:00:00:0a 10.0.0.1"),
            ("b", "ls1", ["tier": "back"], "02:00:00:00:00:0b 10.0.0.2 fd00::2"), ("c", "ls2", [:], "unknown"),
            ("d", "ls2", ["tier": "back", "os": ""], "02:00:00:00:00:0a"),
        ] {
            let body: JSONValue = [
                "name": .string(name), "switch": .string(parent), "labels": labels,
                "addresses": [.string(address)], "enabled": .bool(name != "d"),
            ]
            #expect(bench.send("POST", "/v1/ports", body).status == 201)
        }
        bench.send("POST", "/v1/chassis/hv1/sync", WriteOptionTests.sync(seq: 1), on: .southbound)
        bench.send("PUT", "/v1/topologies/me", ["ports": [["name": "e", "switch": "ls2"]]])
    }

    private func names(_ path: String) -> String {
        let items = bench.send("GET", path).json["items"]?.arrayValue ?? []
        return items.compactMap { ($0["name"] ?? $0["logical_port"])?.stringValue }.joined()
    }

    @Test(arguments: [
        ("", "abcde"), ("name=b", "b"), ("name=b&name=d&name=z", "bd"), ("switch=ls1", "ab"),
        ("switch=ls1&switch=ls2", "abcde"), ("switch=none", ""), ("switch=none&switch=ls1", "ab"),
        ("label=tier=back", "bd"), ("label=tier=back&label=tier=front", "abd"), ("label=tier=back&label=os=", "d"),
        ("label=os", "ad"), ("label=none", ""), ("label=tier!=back", "ace"), ("label=tier!=back&label=tier", "a"),
        ("label=tier!=back&label=tier!=front", "ce"), ("label=tier!=back&chassis=nohost", ""), ("ip=9.9.9.9", ""),
        ("ip=10.0.0.1&ip=10.0.0.2", "ab"), ("mac=02:00:00:00:00:0a&ip=10.0.0.1", "a"), ("enabled=false", "d"),
        ("enabled=true&switch=ls2", "ce"),
        ("up=true", ""), ("up=false", "abcde"), ("chassis=hv1", ""), ("owner=me", "e"), ("owner=you", ""),
        ("owner=me&name=a", ""), ("mac=02:00:00:00:00:0A", "ad"), ("ip=10.0.0.2", "b"), ("ip=fd00:0::2", "b"),
        ("mac=02:00:00:00:00:0a&switch=ls2", "d"), ("name=a&switch=ls2", ""),
        ("label=tier%20in%20(front,back)", "abd"), ("label=tier+notin+(front)", "bcde"), ("label=!tier", "ce"),
        ("label=tier==back", "bd"), ("label=tier=back,os", "d"), ("label=tier,os", "ad"), ("label=tier,!os", "b"),
        ("label=!tier&label=!os", "ce"), ("label=tier=back,tier=front", ""), ("label=os=x&label=os", "ad"),
        ("name=*", "abcde"), ("name!=a", "bcde"), ("name=!a&name!=b", "cde"), ("name=a*&name=b", "ab"),
        ("name=*&name!=b*", "acde"), ("name=nobody*", ""), ("owner=*", "e"), ("owner=!*", "abcd"),
        ("owner!=me", "abcd"), ("switch=ls*", "abcde"), ("switch!=ls1", "cde"), ("switch=!ls*", ""),
        ("switch=ls*&switch!=ls2", "ab"), ("chassis=*", ""), ("chassis!=*", "abcde"), ("chassis!=hv1", "abcde"),
        ("ip=10.0.0.0/24", "ab"), ("ip=10.0.0.2/31", "b"), ("ip=0.0.0.0/0", "ab"), ("ip=fd00::/16", "b"),
        ("ip=::/0", "b"), ("ip!=10.0.0.0/24", "cde"), ("ip=10.0.0.0/24&ip!=10.0.0.1", "b"), ("ip=10.0.1.0/24", ""),
        ("ip=10.0.0.0/24&label=tier=front", "a"), ("mac!=02:00:00:00:00:0a", "bce"), ("ip=!::/0&switch=ls1", "a"),
    ])
    func `Ports are chosen by any value of each field`(query: String, wanted: String) {
        #expect(names("/v1/ports?\(query)") == wanted)
        #expect(names("/v1/ports?\(query)&limit=1") == String(wanted.prefix(1)))
    }

    @Test func `The other lists have the filters of their kind`() {
        #expect(names("/v1/switches?name=ls2") == "ls2" && names("/v1/switches?owner=me") == "")
        #expect(names("/v1/switches/ls1/ports?label=tier=back") == "b")
        #expect(names("/v1/chassis?live=true") == "hv1" && names("/v1/chassis?live=false") == "")
        #expect(names("/v1/southbound/chassis?name=hv1") == "hv1")
        #expect(names("/v1/southbound/datapath-bindings?name=ls1") == "ls1")
        #expect(names("/v1/southbound/port-bindings?logical_port=c") == "c")
        #expect(names("/v1/southbound/port-bindings?chassis=hv1") == "")
        #expect(names("/v1/southbound/port-bindings?chassis!=*&logical_port!=c") == "abde")
        #expect(names("/v1/southbound/datapath-bindings?name=ls*&name!=ls1") == "ls2")
        #expect(names("/v1/southbound/chassis?name=hv*") == "hv1" && names("/v1/chassis?name!=hv1") == "")
        let groups = bench.send("GET", "/v1/southbound/multicast-groups?datapath=ls2").json["items"]?.arrayValue
        #expect(groups?.allSatisfy { $0["datapath"] == "ls2" } == true && groups?.isEmpty == false)
    }

    @Test func `Filtered pages go on at one revision, and a token is for its own list`() {
        let first = bench.send("GET", "/v1/ports?label=tier&limit=2")
        let token = first.json["next_page_token"]?.stringValue ?? ""
        bench.send("DELETE", "/v1/ports/d")
        #expect(names("/v1/ports?label=tier&page_token=\(token)") == "d")
        for other in ["/v1/ports?label=os", "/v1/ports?", "/v1/switches?label=tier"] {
            let refused = bench.send("GET", "\(other)&page_token=\(token)")
            #expect(refused.status == 400 && refused.json["code"] == "invalid_parameter", "\(other)")
        }
    }

    @Test func `A filter that cannot be, or that the list does not have, is 400`() {
        for query in [
            "up=yes", "enabled=1", "mac=02", "ip=10.0.0", "label=", "label==x", "live=true", "colour=red",
            "label=tier=fr*", "name=*a", "name=a,b", "switch=ls%2A%2A", "chassis=hv,1", "owner=me,you", "label=!=x",
            "name=", "name!=", "name=!!a", "name!=!a", "up!=true", "up=!true", "limit!=1", "colour!=red", "name!!=a",
            "ip=10.0.0.1/24", "ip=10.0.0.0/33", "ip=10.0.0.0/", "ip=fd00::1/64", "ip=!", "mac=02:00:00:00:00:*",
            "label=tier%20in%20(a", "label=tier%20in%20a", "label=tier%20of%20(a)", "label=tier%3E1", "label=a,",
            "label=tier=%22back%22", "label=two%20words", "label=%5C", "order=colour", "order=", "order=--name",
        ] {
            let answer = bench.send("GET", "/v1/ports?\(query)")
            #expect(answer.status == 400, "\(query)")
            #expect((answer.json["detail"]?.stringValue ?? "").utf8.count < 700)
        }
        let many = (0..<33).map { "label=l\($0)" }.joined(separator: "&")
        #expect(bench.send("GET", "/v1/ports?\(many)").status == 400)
        let conditions = (0..<33).map { "l\($0)" }.joined(separator: ",")
        #expect(bench.send("GET", "/v1/ports?label=\(conditions)").json["code"] == "invalid_parameter")
        let values = (0..<257).map { "v\($0)" }.joined(separator: ",")
        #expect(bench.send("GET", "/v1/ports?label=a%20in%20(\(values))").json["code"] == "invalid_parameter")
        for path in [
            "southbound/port-bindings?label=a", "southbound/dhcp-responders?name=a", "southbound/chassis?live=true",
            "southbound/multicast-groups?name=a", "chassis?label=a", "tokens?name=a", "topologies?owner=me",
            "southbound/port-bindings?logical_port=a,b", "southbound/datapath-bindings?name=*a", "chassis?order=name",
            "audit?author=a&author=b", "chassis/hv1/macs?switch=ls1&switch=ls2",
        ] {
            #expect(bench.send("GET", "/v1/\(path)").status == 400, "\(path)")
        }
        #expect(bench.send("GET", "/v1/switches?switch=ls1").json["code"] == "unknown_parameter")
    }

    @Test func `A list that finds nothing gives up its turn and asks for no more than it looks at`() throws {
        let ops = (0..<5000).map { index -> JSONValue in
            [
                "op": "create", "path": "/v1/switches/ls1/ports",
                "body": ["name": .string("p\(10_000 + index)"), "labels": ["n": .string("\(index % 1000)")]],
            ]
        }
        #expect(bench.send("POST", "/v1/transactions", ["ops": .array(ops)]).status == 200)
        let nothing = bench.send("GET", "/v1/ports?label=nobody")
        #expect(nothing.json["items"] == [] && (17...20).contains(nothing.sliceCount), "\(nothing.sliceCount)")
        let few = bench.send("GET", "/v1/ports?label=n=999&limit=3")
        #expect(few.json["items"]?.arrayValue?.compactMap { $0["name"] } == ["p10999", "p11999", "p12999"])
        let token = try #require(few.json["next_page_token"]?.stringValue)
        #expect(names("/v1/ports?label=n=999&limit=3&page_token=\(token)") == "p13999p14999")
        // An index finds at once what exists, and that nothing does.
        for query in ["ip=9.9.9.9", "mac=02:00:00:00:00:0f", "chassis=nohost", "name=nobody", "ip=10.0.0.2"] {
            #expect(bench.send("GET", "/v1/ports?\(query)").sliceCount == 0, "\(query)")
            #expect(bench.send("GET", "/v1/switches/ls1/ports?\(query)").sliceCount == 0, "\(query)")
        }
        #expect(bench.send("GET", "/v1/southbound/port-bindings?chassis=nohost").sliceCount == 0)
        #expect(bench.send("GET", "/v1/southbound/port-bindings?logical_port=p10001").sliceCount == 0)
        // Members that are taken apart cost more than objects that are copied.
        let whole = bench.send("GET", "/v1/ports?limit=5000").sliceCount
        #expect(bench.send("GET", "/v1/ports?limit=5000&fields=name,status.up").sliceCount > whole)
    }

    @Test func `fields counts what it names once, and not more than objects could have`() {
        let often = Array(repeating: "name", count: 1600).joined(separator: ",")
        #expect(bench.send("GET", "/v1/ports/a?fields=\(often)").text == #"{"name":"a"}"#)
        let many = (0..<65).map { "labels.l\($0)" }.joined(separator: ",")
        #expect(bench.send("GET", "/v1/ports/a?fields=\(many)").json["code"] == "invalid_parameter")
    }

    @Test func `fields leaves out what it does not name`() {
        let port = bench.send("GET", "/v1/ports/a?fields=status.up,name,labels.tier")
        #expect(port.text == #"{"name":"a","labels":{"tier":"front"},"status":{"up":false}}"#)
        #expect(port["ETag"] != nil)
        #expect(bench.send("GET", "/v1/ports/a?fields=status,status.up").json["status"]?["tunnel_key"] == 1)
        #expect(
            bench.send("GET", "/v1/switches?fields=name").text.hasPrefix(#"{"items":[{"name":"ls1"},{"name":"ls2"}]"#)
        )
        bench.send("PUT", "/v1/topologies/me", ["switches": [["name": "mine"]]])
        let id = bench.send("POST", "/v1/tokens", ["role": "viewer"]).json["id"]?.stringValue ?? ""
        #expect(
            bench.send("GET", "/v1/topologies?fields=owner,ports").text.hasPrefix(
                #"{"items":[{"owner":"me","ports":1}]"#
            )
        )
        #expect(bench.send("GET", "/v1/tokens?fields=role").text.hasPrefix(#"{"items":[{"role":"viewer"}]"#))
        #expect(bench.send("GET", "/v1/tokens/\(id)?fields=role,revision").json["id"] == nil)
        #expect(bench.send("GET", "/v1/chassis/hv1?fields=status.live").text == #"{"status":{"live":true}}"#)
        for bad in ["", "colour", "name,", "status.", ".up", "name,name.x,"] {
            #expect(bench.send("GET", "/v1/ports/a?fields=\(bad)").json["code"] == "invalid_parameter", "\(bad)")
        }
    }
}
