import JSON
import NetworkModel
import TestSupport
import Testing

@testable import API

/// Pages, and the collections that are only looked at.
@Suite struct ListTests {
    private let bench: APIBench

    init() throws {
        bench = try APIBench()
        bench.send("POST", "/v1/switches", ["name": "ls1"])
    }

    private func fill(_ count: Int) {
        let ops = (0..<count).map { index -> JSONValue in
            ["op": "create", "path": "/v1/switches/ls1/ports", "body": ["name": .string(name(index))]]
        }
        #expect(bench.send("POST", "/v1/transactions", ["ops": .array(ops)]).status == 200)
    }

    private func name(_ index: Int) -> String { "p" + String(10_000 + index) }

    @Test(arguments: [1, 7, 99, 100, 101, 300, 1000])
    func `Pages of any size give every item once and in order`(limit: Int) {
        fill(300)
        var names: [String] = []
        var token: String?
        repeat {
            let page = bench.send("GET", "/v1/ports?limit=\(limit)" + (token.map { "&page_token=\($0)" } ?? ""))
            let items = page.json["items"]?.arrayValue ?? []
            #expect(items.count <= limit && !items.isEmpty)
            names += items.compactMap { $0["name"]?.stringValue }
            token = page.json["next_page_token"]?.stringValue
        } while token != nil && names.count < 400
        #expect(names == (0..<300).map(name))
    }

    @Test(arguments: [13, 100, 299, 300, 1000])
    func `Pages in any order give every item once, at one revision`(limit: Int) {
        fill(300)
        // The revision of some is a later one.
        for index in [250, 3, 77] { bench.send("PATCH", "/v1/ports/\(name(index))", ["enabled": false]) }
        let late = [250, 3, 77]
        let early = (0..<300).filter { !late.contains($0) }
        for (order, wanted) in [("name", Array(0..<300)), ("created", Array(0..<300)), ("revision", early + late)] {
            for isDescending in [false, true] {
                var names: [String] = []
                var token: String?
                repeat {
                    let order = (isDescending ? "-" : "") + order
                    let query = "limit=\(limit)&order=\(order)" + (token.map { "&page_token=\($0)" } ?? "")
                    let page = bench.send("GET", "/v1/ports?\(query)")
                    names += page.json["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
                    token = page.json["next_page_token"]?.stringValue
                    bench.send("PUT", "/v1/switches/ls2", ["labels": ["n": .string("\(names.count)")]])
                } while token != nil && names.count < 400
                #expect(names == (isDescending ? wanted.reversed() : wanted).map(name))
            }
        }
    }

    @Test func `An order has pages of its own, filters, and its turns`() {
        fill(1000)
        let first = bench.send("GET", "/v1/ports?limit=10&order=-created")
        let token = first.json["next_page_token"]?.stringValue ?? ""
        for query in ["order=created", "order=-name", "limit=10", "order=-created&name=p1*"] {
            let refused = bench.send("GET", "/v1/ports?\(query)&page_token=\(token)")
            #expect(refused.status == 400 && refused.json["code"] == "invalid_parameter", "\(query)")
        }
        #expect(bench.send("GET", "/v1/ports?order=-created&page_token=\(token.dropLast(8))").status == 400)
        #expect(first.sliceCount >= 3)
        let few = bench.send("GET", "/v1/switches/ls1/ports?order=-name&name=p1099*&name!=p10995&fields=name&limit=5")
        #expect(
            few.json["items"]
                == [["name": "p10999"], ["name": "p10998"], ["name": "p10997"], ["name": "p10996"], ["name": "p10994"]]
        )
        #expect(few.json["next_page_token"]?.stringValue?.hasSuffix("p10994") == true)
        #expect(bench.send("GET", "/v1/ports?order=-revision&name=nobody").json["items"] == [])
    }

    @Test func `A long page is produced in slices, a short one at once`() {
        fill(300)
        #expect(bench.send("GET", "/v1/ports").sliceCount == 3)
        #expect(bench.send("GET", "/v1/ports?limit=100").sliceCount == 0)
        #expect(bench.send("GET", "/v1/switches").sliceCount == 0)
    }

    @Test func `All pages show the revision of the first, whatever happens between them`() {
        fill(10)
        let first = bench.send("GET", "/v1/ports?limit=5")
        let token = first.json["next_page_token"]?.stringValue ?? ""
        bench.send("DELETE", "/v1/ports/\(name(7))")
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p10006a"])
        let second = bench.send("GET", "/v1/ports?page_token=\(token)")
        #expect(second.json["revision"] == first.json["revision"] && second["ETag"] == first["ETag"])
        #expect(second.json["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == (5..<10).map(name))
        #expect(bench.send("GET", "/v1/ports").json["items"]?.arrayValue?.count == 10)
    }

    @Test func `A page whose revision is gone, or of another epoch, is 410`() {
        fill(10)
        let token = bench.send("GET", "/v1/ports?limit=5").json["next_page_token"]?.stringValue ?? ""
        bench.send("POST", "/v1/switches", ["name": "ls2"])
        bench.keepsPages = false
        #expect(bench.send("GET", "/v1/ports?page_token=\(token)").json["code"] == "page_expired")
        let other = "00000000000000ff" + token.dropFirst(16)
        #expect(bench.send("GET", "/v1/ports?page_token=\(other)").status == 410)
        let future = token.replacing(".\(bench.network.revision - 1).", with: ".999.")
        #expect(bench.send("GET", "/v1/ports?page_token=\(future)").status == 410)
    }

    @Test func `min_revision waits, and is 503 where it does not come`() {
        #expect(bench.send("GET", "/v1/switches?min_revision=1").status == 200)
        let missed = bench.send("GET", "/v1/switches?min_revision=2")
        #expect(missed.status == 503 && missed["Retry-After"] == "1")
        #expect(missed.json["code"] == "revision_not_reached")
        var later = bench.network
        later.revision = 2
        bench.laterNetwork = later
        #expect(bench.send("GET", "/v1/switches/ls1?min_revision=2")["Heddle-Revision"] == "2")
    }

    @Test func `Cut and altered tokens are refused or read, never more`() {
        let text = PageToken(epoch: 1, revision: 2, list: 0xab, key: "a.b").text
        #expect(PageToken(text) == PageToken(epoch: 1, revision: 2, list: 0xab, key: "a.b"))
        for length in 0..<text.count {
            let cut = String(text.prefix(length))
            #expect([200, 400, 410].contains(bench.send("GET", "/v1/ports?page_token=\(cut)").status), "\(cut)")
        }
    }

    @Test func `The southbound collections show what the hosts are told`() {
        bench.send("POST", "/v1/switches/ls1/ports", ["name": "p1", "addresses": ["02:00:00:00:00:01", "unknown"]])
        bench.send("POST", "/v1/switches", ["name": "ls2"])
        bench.send("POST", "/v1/switches/ls2/ports", ["name": "q1"])
        bench.send("POST", "/v1/chassis/hv1/sync", sync("hv1", "10.0.0.1"), on: .southbound)
        func items(_ path: String) -> [JSONValue] { bench.send("GET", path).json["items"]?.arrayValue ?? [] }
        #expect(items("/v1/southbound/chassis").map { $0["name"] } == ["hv1"])
        #expect(items("/v1/southbound/datapath-bindings").map { $0["tunnel_key"] } == [1, 2])
        #expect(items("/v1/southbound/port-bindings").map { $0["logical_port"] } == ["p1", "q1"])
        let groups = items("/v1/southbound/multicast-groups").map {
            "\($0["datapath"]?.text ?? "") \($0["name"]?.text ?? "")"
        }
        #expect(groups.count == 5)
        let options: JSONValue = ["server_id": "10.0.0.254", "lease_time": "60"]
        for name in ["b", "a"] {
            bench.send("POST", "/v1/dhcp-options", ["name": .string(name), "cidr": "10.0.0.0/24", "options": options])
            bench.send("POST", "/v1/dns-records", ["name": .string(name), "records": ["\(name).example": "10.0.0.1"]])
        }
        let responders = items("/v1/southbound/dhcp-responders")
        #expect(responders.map { $0["id"] } == items("/v1/dhcp-options").map { $0["id"] } && responders.count == 2)
        #expect(responders.first?["server_id"] == "10.0.0.254")
        let names = items("/v1/southbound/dns-responders").map { $0["records"]?.objectValue?.members.map(\.name) }
        #expect(names == [["a.example"], ["b.example"]])
        var paged: [String] = []
        var token: String? = ""
        while let next = token {
            let query = next.isEmpty ? "" : "&page_token=\(next)"
            let page = bench.send("GET", "/v1/southbound/multicast-groups?limit=1" + query)
            paged += (page.json["items"]?.arrayValue ?? [])
                .map { "\($0["datapath"]?.text ?? "") \($0["name"]?.text ?? "")" }
            token = page.json["next_page_token"]?.stringValue
        }
        #expect(paged == groups)
    }

    @Test func `A token whose key the collection cannot have is refused`() throws {
        func token(_ collection: String) throws -> String {
            let list = PageToken.list(path: ["v1", "southbound", collection], filter: try Filter([]))
            return PageToken(epoch: bench.network.epoch, revision: bench.network.revision, list: list, key: "a").text
        }
        for collection in ["datapath-bindings", "multicast-groups"] {
            let token = try token(collection)
            let answer = bench.send("GET", "/v1/southbound/\(collection)?page_token=\(token)")
            #expect(answer.status == 400 && answer.json["code"] == "invalid_parameter")
        }
        let last = try token("port-bindings")
        #expect(bench.send("GET", "/v1/southbound/port-bindings?page_token=\(last)").status == 200)
    }

    @Test func `A chassis is shown with its state, and can be forgotten`() {
        bench.send("POST", "/v1/chassis/hv1/sync", sync("hv1", "10.0.0.1"), on: .southbound)
        let list = bench.send("GET", "/v1/chassis")
        #expect(list.json["items"]?.arrayValue?.first?["status"] == ["live": true])
        let chassis = bench.send("GET", "/v1/chassis/hv1")
        #expect(chassis.status == 200 && chassis["ETag"] == "\"2\"")
        #expect(bench.send("DELETE", "/v1/chassis/hv1").status == 204)
        #expect(bench.send("GET", "/v1/chassis/hv1").status == 404)
        #expect(bench.send("DELETE", "/v1/chassis/hv1").status == 404)
    }

    private func sync(_ name: String, _ ip: String) -> JSONValue {
        [
            "chassis_id": .string("id-" + name), "boot_id": "b1", "seq": 1, "since": 0, "wait": 0,
            "encaps": [["type": "geneve", "ip": .string(ip)]],
        ]
    }
}
