import HTTPTypes
import JSON
import Testing

@testable import API

/// The page and the files of the console, and the answer about who is asking.
@Suite struct ConsoleTests {
    private let bench: APIBench
    private static let browser = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")

    init() throws {
        let files = [
            Console.File(name: "index.html", bytes: Array("<!doctype html>".utf8)),
            Console.File(name: "app.js", bytes: Array("start()".utf8)),
        ]
        bench = try APIBench(console: Console(files: files, digest: { parts in parts.flatMap { $0 } + [1] }))
    }

    @Test func `A browser gets the page at the root, and anybody else what is got where nothing is`() {
        let page = bench.send("GET", "/", fields: [Self.browser])
        #expect(page.status == 200 && page.text == "<!doctype html>")
        #expect(page["Content-Type"] == "text/html; charset=utf-8" && page["Vary"] == "Accept")
        for accept in ["*/*", "application/json", "text/*", "text/html;q=0"] {
            #expect(bench.send("GET", "/", fields: [("Accept", accept)]).json["code"] == "path_not_found", "\(accept)")
        }
        #expect(bench.send("GET", "/", fields: [Self.browser], on: .southbound).status == 404)
        #expect(bench.send("POST", "/", [:], fields: [Self.browser]).status == 405)
    }

    @Test func `All answers forbid the browser what the page does not need`() {
        for path in ["/", "/console/app.js"] {
            let answer = bench.send("GET", path, fields: [Self.browser])
            let policy = answer["Content-Security-Policy"] ?? ""
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"))
            #expect(answer["X-Content-Type-Options"] == "nosniff" && answer["Referrer-Policy"] == "no-referrer")
            #expect(answer["Cache-Control"] == "no-cache" && answer["X-Frame-Options"] == "DENY")
        }
    }

    @Test func `A file has a tag of its bytes, by which it is asked for again`() throws {
        let file = bench.send("GET", "/console/app.js")
        let tag = try #require(file["ETag"])
        #expect(file.text == "start()" && file["Content-Type"] == "text/javascript; charset=utf-8")
        #expect(tag != bench.send("GET", "/", fields: [Self.browser])["ETag"])
        #expect(bench.send("GET", "/console/app.js", fields: [("If-None-Match", tag)]).status == 304)
        #expect(bench.send("GET", "/console/app.js", fields: [("If-None-Match", "\"1\"")]).status == 200)
        #expect(bench.send("GET", "/console/app.js", fields: [("If-Match", "\"1\"")]).status == 412)
    }

    @Test func `A file that is not there is 404, however it is spelled`() {
        for path in ["/console", "/console/", "/console/none.js", "/console/..%2Fapp.js", "/console/a/app.js"] {
            #expect(bench.send("GET", path).json["code"] == "path_not_found", "\(path)")
        }
    }

    @Test func `Identity tells the author and the role that includes all rights`() throws {
        let loopback = bench.send("GET", "/v1/identity", authority: "localhost", from: .local)
        #expect(loopback.json == ["author": "anonymous", "role": "admin"])
        #expect(bench.send("GET", "/v1/identity", from: .stranger).status == 401)
        for role in ["viewer", "editor", "admin"] {
            let token = bench.send("POST", "/v1/tokens", ["role": .string(role)]).json
            let fields = [("Authorization", "Bearer \(token["token"]?.stringValue ?? "")")]
            let told = bench.send("GET", "/v1/identity", fields: fields, from: .stranger).json
            #expect(told["role"] == .string(role))
            #expect(told["author"]?.stringValue == "token/\(token["id"]?.stringValue ?? "")")
        }
        let token = bench.send("POST", "/v1/tokens", ["role": "metrics"]).json["token"]?.stringValue ?? ""
        let fields = [("Authorization", "Bearer \(token)")]
        #expect(bench.send("GET", "/v1/identity", fields: fields, from: .stranger).status == 403)
    }
}
