import HTTPTypes
import JSON
import Testing

/// Central's standard error, which must never stop it.
@Suite struct LogTests {
    private static func sync(_ number: Int, seq: Int64, errors: [JSONValue]) -> JSONValue {
        CentralTests.sync(seq: seq).merged(with: [
            "chassis_id": .string("id-\(number)"), "errors": .array(errors), "ports": [],
            "encaps": [["type": "geneve", "ip": .string("10.0.\(number >> 8).\(number & 255)")]],
        ])
    }

    @Test func `a log that nobody reads stops nothing`() throws {
        // Of its standard error, only the line that says it is ready is taken.
        let central = try CentralProcess(DataFolder())
        let (north, south) = (try BlockingClient(central.northbound), try BlockingClient(central.southbound))
        let errors = (0..<256).map { index -> JSONValue in
            ["logical_port": .string("p\(index)"), "detail": .string(String(repeating: "x", count: 250))]
        }
        // Many times what a pipe holds, and more than the queue after it.
        for number in 1...500 {
            let answer = try south.send(
                "POST",
                "/v1/chassis/hv\(number)/sync",
                Self.sync(number, seq: 1, errors: errors)
            )
            #expect(answer.status == 200)
        }
        #expect(try north.send("PUT", "/v1/switches/ls1", [:]).status == 201)
        #expect(try south.send("POST", "/v1/chassis/hv1/sync", Self.sync(1, seq: 2, errors: [])).status == 200)
        #expect(central.end() == 0)
    }

    @Test func `hosts write no lines of their own, and not as many as they like`() throws {
        let central = try CentralProcess(DataFolder())
        let south = try BlockingClient(central.southbound)
        let forged = "x\n2026-01-01T00:00:00+0000 critical central: [Central] forged \u{1b}[31m\u{9b}"
        for seq in 1...200 as ClosedRange<Int64> {
            let errors: [JSONValue] = [
                ["logical_port": "p\u{1b}[2J", "detail": .string(forged)], ["detail": .string("another \(seq)")],
            ]
            _ = try south.send("POST", "/v1/chassis/hv1/sync", Self.sync(1, seq: seq, errors: errors))
        }
        #expect(central.end() == 0)
        let lines = central.log.split(separator: "\n")
        #expect(lines.filter { $0.contains("hv1") }.count <= 10)
        #expect(!central.log.contains("\u{1b}") && !central.log.contains("\u{9b}"))
        let forgedLines = lines.filter { $0.contains("forged") }
        #expect(forgedLines.count == 1)
        #expect(forgedLines.first?.contains("warning central: [Central] Chassis hv1 reports: x\\n2026") == true)
    }

    @Test func `wrong tokens are told of with their host, once a minute`() throws {
        let central = try CentralProcess(DataFolder())
        let client = try BlockingClient(central.northbound)
        let field = HTTPField(name: .authorization, value: "Bearer hdl_wrong")
        for _ in 0..<30 { #expect(try client.send("GET", "/v1/switches", fields: [field]).status >= 400) }
        #expect(central.end() == 0)
        #expect(central.log.split(separator: "\n").filter { $0.contains("wrong token from 127.0.0.1") }.count == 1)
    }

    @Test func `a full disk is told of once a minute, however many writes it refuses`() throws {
        // In units of 512 bytes: no file may grow beyond 400 KiB.
        let wrapper = ["/bin/sh", "-c", "ulimit -f 800; exec \"$0\" \"$@\""]
        let central = try CentralProcess(DataFolder(), wrapper: wrapper)
        let client = try BlockingClient(central.northbound)
        let filler = JSONValue.string(String(repeating: "x", count: 1000))
        var (index, refusedCount) = (0, 0)
        while refusedCount < 30, index < 3000 {
            index += 1
            let labels = JSONValue.object(JSONObject(distinct: (0..<16).map { (name: "k\($0)", value: filler) }))
            let answer = try client.send("PUT", "/v1/switches/s\(index)", ["labels": labels])
            if answer.status == 503 { refusedCount += 1 }
        }
        #expect(refusedCount == 30)
        #expect(central.end() == 0)
        let lines = central.log.split(separator: "\n").filter { $0.contains(" warning ") }
        #expect(lines.count <= 4, "\(central.log)")
        #expect(lines.contains { $0.contains("The log cannot be written") })
    }
}
