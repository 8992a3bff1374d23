import JSON
import Testing

@testable import Client

@Suite("port stats")
struct PortStatisticsTests {
    /// The agent's answer about vm1, which received so many frames of 100 bytes, and vm2, which did nothing.
    private static func answer(received: Int64, dropped: Int64 = 0) -> JSONValue {
        [
            "ports": [
                ["name": "vm2", "logical_port": "ls1-vm2", "statistics": ["rx_frames": 0, "rx_bytes": 0]],
                [
                    "name": "vm1", "logical_port": "ls1-vm1",
                    "statistics": [
                        "rx_frames": .integer(received), "rx_bytes": .integer(received * 100),
                        "forwarded_frames": .integer(received - dropped), "unsent_frames": 0,
                        "tx_frames": 3, "tx_bytes": 126,
                        "drops": ["ingress_port_security": .integer(dropped), "vlan_tagged": 0],
                        "partly_dropped": [:], "answers": ["arp": 2],
                    ],
                ],
            ]
        ]
    }

    private static func caller(_ answers: [JSONValue]) -> ScriptedCaller {
        var left = answers[...]
        return ScriptedCaller { _ throws(ClientError) in
            guard let answer = left.popFirst() else { throw .refused("no more answers") }
            return Reply(status: 200, body: answer)
        }
    }

    @Test("a line for each counter that is not 0, with its reason")
    func table() throws {
        let statistics = PortStatistics(caller: Self.caller([Self.answer(received: 20, dropped: 5)]))
        #expect(
            try statistics.text() == """
                NAME  COUNTER    REASON                 FRAMES  BYTES
                vm1   received   -                      20      2000
                vm1   forwarded  -                      13      -
                vm1   answered   arp                    2       -
                vm1   dropped    ingress_port_security  5       -
                vm1   sent       -                      3       126

                """
        )
    }

    @Test("a watch goes on with what rises, and its rise in a second; a forwarder that began anew counts from 0")
    func watch() {
        let answers = [
            Self.answer(received: 20), Self.answer(received: 20), Self.answer(received: 30, dropped: 4),
            Self.answer(received: 8, dropped: 4),
        ]
        var (output, pauses, now) = ("", [Duration](), Duration.zero)
        #expect(throws: ClientError.self) {
            try PortStatistics(caller: Self.caller(answers), names: ["vm1"]).watch(
                every: .seconds(2),
                as: .table,
                pause: {
                    pauses.append($0)
                    now += $0
                },
                clock: { now },
                output: { output += $0 }
            )
        }
        #expect(pauses == [.seconds(2), .seconds(2), .seconds(2), .seconds(2)])
        #expect(
            output == """
                NAME  COUNTER    REASON  FRAMES  BYTES
                vm1   received   -       20      2000
                vm1   forwarded  -       18      -
                vm1   answered   arp     2       -
                vm1   sent       -       3       126

                NAME  COUNTER    REASON                 FRAMES  BYTES  FRAMES/S  BYTES/S
                vm1   received   -                      30      3000   5         500
                vm1   forwarded  -                      24      -      3         -
                vm1   dropped    ingress_port_security  4       -      2         -

                NAME  COUNTER    REASON  FRAMES  BYTES  FRAMES/S  BYTES/S
                vm1   received   -       8       800    4         400
                vm1   forwarded  -       2       -      1         -

                """
        )
    }

    @Test("JSON has the wanted ports alone, one line a moment where it goes on")
    func json() throws {
        let answers = [Self.answer(received: 1), Self.answer(received: 2)]
        let text = try PortStatistics(caller: Self.caller(answers), names: ["vm2"]).text(as: .json)
        let expected: JSONValue = ["ports": [Self.answer(received: 1)["ports"]?.arrayValue?[0] ?? .null]]
        #expect(text == expected.indentedText)
        var lines: [String] = []
        #expect(throws: ClientError.self) {
            try PortStatistics(caller: Self.caller(answers)).watch(
                every: .seconds(1),
                as: .json,
                pause: { _ in },
                output: { lines.append($0) }
            )
        }
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasSuffix("}\n") && $0.dropLast().allSatisfy { $0 != "\n" } })
    }

    @Test("a port that is not there is named, with the remedy")
    func missing() {
        let statistics = PortStatistics(caller: Self.caller([Self.answer(received: 1)]), names: ["vm9"])
        #expect {
            try statistics.text()
        } throws: { error in
            (error as? ClientError)?.message.contains("vm9: no port of this name on this host") == true
        }
    }
}
