import JSON
import Testing

@testable import Client

@Suite struct ObjectWatchTests {
    /// The end of a script: nothing that a watch would wait for to pass.
    private static let end = ClientError.refused("the script is over")
    private static let server = Server.central(url: "http://127.0.0.1:6641")

    private static func object(_ name: String, _ revision: Int64, labels: JSONValue = [:]) -> JSONValue {
        [
            "id": .string("id-\(name)"), "name": .string(name), "labels": labels, "revision": .integer(revision),
            "status": ["tunnel_key": 1],
        ]
    }

    private static func put(_ object: JSONValue) -> JSONValue {
        ["revision": object["revision"] ?? 0, "op": "put", "id": .string(object.text("id")), "object": object]
    }

    private static func delete(_ name: String, _ revision: Int64) -> JSONValue {
        ["revision": .integer(revision), "op": "delete", "id": .string("id-\(name)"), "name": .string(name)]
    }

    private static func list(_ revision: Int64, _ objects: JSONValue...) -> Reply {
        let body: JSONValue = [
            "items": .array(objects), "revision": .integer(revision), "next_page_token": .null,
        ]
        return Reply(status: 200, revision: revision, epoch: "00000000000000ee", hash: "h\(revision)", body: body)
    }

    private static func changes(_ to: Int64, _ changes: JSONValue...) -> Reply {
        Reply(status: 200, body: ["to": .integer(to), "hash": .string("h\(to)"), "changes": .array(changes)])
    }

    /// A watch over a script of answers.
    private struct Run {
        var output = ""
        var warnings: [String] = []
        var pauses: [Duration] = []
        var lines: [String] = []
        var error: ClientError?
    }

    private func run(
        _ script: [Result<Reply, ClientError>],
        _ watch: (ObjectWatch) throws(ClientError) -> Void = { watch throws(ClientError) in
            try watch.run(.logicalSwitch)
        }
    ) -> Run {
        var rest = script[...]
        let caller = ScriptedCaller { _ throws(ClientError) in try (rest.popFirst() ?? .failure(Self.end)).get() }
        var run = Run()
        do throws(ClientError) {
            try watch(
                ObjectWatch(caller: caller, pause: { run.pauses.append($0) }, output: { run.output += $0 }) {
                    run.warnings.append($0)
                }
            )
        } catch {
            run.error = error
        }
        run.lines = caller.lines
        return run
    }

    @Test func `A list is printed, then each change, in columns that grow`() {
        let run = run([
            .success(Self.list(4, Self.object("a", 1), Self.object("b", 2))),
            .success(Self.changes(5, Self.put(Self.object("a-longer-name", 5)))),
            .success(Self.changes(6)),
            .success(Self.changes(8, Self.put(Self.object("b", 7, labels: ["app": "web"])), Self.delete("a", 8))),
        ])
        #expect(
            run.output == """
                EVENT     NAME  TUNNEL KEY  LABELS
                ADDED     a     1           -
                ADDED     b     1           -
                ADDED     a-longer-name  1           -
                MODIFIED  b              1           app=web
                DELETED   a              1           -

                """
        )
        #expect(run.error == Self.end)
        #expect(run.warnings.isEmpty)
        let poll = "GET /v1/changes?since=%&epoch=00000000000000ee&hash=h%&kinds=logical_switch&wait=20"
        #expect(
            run.lines == ["GET /v1/switches?limit=5000"]
                + ["4", "5", "6", "8"].map { poll.replacing("%", with: $0) }
        )
    }

    @Test func `Titles wait for the first row, and --watch-only leaves the list out`() {
        let script: [Result<Reply, ClientError>] = [
            .success(Self.list(4, Self.object("a", 1))), .success(Self.changes(5, Self.delete("a", 5))),
        ]
        let run = run(script) { watch throws(ClientError) in try watch.run(.logicalSwitch, onlyChanges: true) }
        #expect(run.output == "EVENT     NAME  TUNNEL KEY  LABELS\nDELETED   a     1           -\n")
        #expect(self.run([.success(Self.list(0))]).output.isEmpty)
    }

    @Test(arguments: [
        (
            OutputFormat.json,
            """
            {"type":"ADDED","object":{"name":"a","revision":1}}
            {"type":"DELETED","object":{"name":"a","revision":1}}

            """
        ),
        (
            .yaml,
            "---\ntype: ADDED\nobject:\n  name: a\n  revision: 1\n"
                + "---\ntype: DELETED\nobject:\n  name: a\n  revision: 1\n"
        ),
        (.name, "chassis/a\nchassis/a deleted\n"),
    ])
    func `Programs get an object a line, a document or a name`(format: OutputFormat, text: String) {
        let script: [Result<Reply, ClientError>] = [
            .success(Self.list(1, ["name": "a", "revision": 1])),
            .success(Self.changes(2, ["revision": 2, "op": "delete", "id": "a", "name": "a"])),
        ]
        let run = run(script) { watch throws(ClientError) in try watch.run(.chassis, format: format) }
        #expect(run.output == text)
    }

    @Test func `What begins to fit is added, what does not fit any more is deleted`() throws {
        let selection = try ObjectSelection(labels: ["app=web"], fields: [])
        let script: [Result<Reply, ClientError>] = [
            .success(Self.list(1, Self.object("a", 1))),
            .success(Self.changes(2, Self.put(Self.object("a", 2, labels: ["app": "web"])))),
            .success(Self.changes(3, Self.put(Self.object("a", 3)))),
            .success(Self.changes(4, Self.put(Self.object("a", 4)))),
        ]
        let run = run(script) { watch throws(ClientError) in
            try watch.run(.logicalSwitch, selection: selection, format: .name)
        }
        #expect(run.output == "switch/a\nswitch/a deleted\n")
    }

    @Test func `Names are watched from the first revision that was read, and nothing is told twice`() {
        func reply(_ name: String, _ revision: Int64) -> Result<Reply, ClientError> {
            let object = Self.object(name, revision)
            return .success(Reply(status: 200, revision: revision, epoch: "e", body: object))
        }
        let script = [
            reply("a", 4), reply("b", 6),
            .success(
                Self.changes(
                    7,
                    Self.put(Self.object("b", 5, labels: ["old": "1"])),
                    Self.put(Self.object("b", 6)),
                    Self.put(Self.object("c", 7))
                )
            ), .success(Self.changes(8, Self.delete("b", 8))),
        ]
        let run = run(script) { watch throws(ClientError) in
            try watch.run(.logicalSwitch, names: ["a", "b", "a"], format: .name)
        }
        #expect(run.output == "switch/a\nswitch/b\nswitch/b deleted\n")
        #expect(run.lines[2].hasPrefix("GET /v1/changes?since=4&"))
    }

    @Test func `Where changes are no longer known, the difference between two lists tells them`() {
        let run = run([
            .success(Self.list(4, Self.object("a", 1), Self.object("b", 2), Self.object("c", 3))),
            .success(.problem(410, "resync_required", "The changes after revision 4 are gone.")),
            .success(Self.list(9, Self.object("b", 2), Self.object("c", 8), Self.object("d", 9))),
            .success(Self.changes(10, Self.put(Self.object("d", 9)))),
        ])
        let rows = run.output.split(separator: "\n").dropFirst(4).map { $0.split(separator: " ").prefix(2) }
        #expect(rows == [["DELETED", "a"], ["MODIFIED", "c"], ["ADDED", "d"]])
        #expect(run.warnings == ["the changes since revision 4 are no longer kept; listing again"])
        #expect(run.lines.last?.hasPrefix("GET /v1/changes?since=10&") == true)
    }

    @Test func `Central may go away, be busy and come back`() {
        let gone = ClientError.unreachable(Self.server, reason: "Connection refused", mayHaveActed: false)
        let run = run(
            [.success(Self.list(4))] + Array(repeating: .failure(gone), count: 8) + [
                .success(.problem(503, "unavailable", "Central is full.")),
                .success(Self.changes(5, Self.put(Self.object("a", 5)))), .success(.problem(503, "x", "Full.")),
            ]
        )
        #expect(run.output.contains("ADDED     a"))
        #expect(
            run.warnings == [
                "lost central at http://127.0.0.1:6641: Connection refused; trying again until it is back",
                "central at http://127.0.0.1:6641 is back", "Full; trying again until it is back",
            ]
        )
        #expect(run.pauses.map { $0 / .milliseconds(1) } == [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 100])
        #expect(ObjectWatch.pause(after: .max) == .seconds(5))
    }

    @Test func `What will not pass ends it`() {
        #expect(run([.success(.problem(503, "x", "Full."))]).error?.message == "Full")
        let revoked = run([.success(Self.list(4)), .success(.problem(401, "unauthorized", "No such token."))])
        #expect(revoked.error?.message.hasPrefix("No such token") == true)
        #expect(run([.success(Self.list(4)), .success(Reply(status: 200, body: "x"))]).error?.exitStatus == .refused)
        var missing = Reply.problem(404, "not_found", "There is none.")
        (missing.revision, missing.epoch) = (4, "e")
        let unknown = run([.success(missing)]) { watch throws(ClientError) in
            try watch.run(.port, names: ["p9"])
        }
        #expect(unknown.error == ShownKind.port.notFound("p9"))
        let misplaced = run([]) { watch throws(ClientError) in try watch.run(.chassis, of: "ls1") }
        #expect(misplaced.error?.exitStatus == .usage)
    }

    @Test func `What central derives is listed again when objects or hosts change`() {
        func bindings(_ revision: Int64, _ chassis: String...) -> Result<Reply, ClientError> {
            let items = chassis.enumerated().map { index, chassis -> JSONValue in
                ["id": .string("id-\(index)"), "logical_port": .string("p\(index)"), "chassis": .string(chassis)]
            }
            let body: JSONValue = ["items": .array(items), "revision": .integer(revision), "next_page_token": .null]
            return .success(Reply(status: 200, revision: revision, epoch: "e", hash: "h", body: body))
        }
        let run = run([
            bindings(4, "hv1", "hv1"), .success(Self.changes(4)), .success(Self.changes(5, Self.delete("a", 5))),
            bindings(6, "hv1", "hv2"), .success(Self.changes(7, Self.delete("b", 7))), bindings(7, "hv1"),
        ]) { watch throws(ClientError) in try watch.run(.portBinding, format: .name, onlyChanges: true) }
        #expect(run.output == "port-binding/p1\nport-binding/p1 deleted\n")
        #expect(run.pauses == [ObjectWatch.relistPause, ObjectWatch.relistPause])
        #expect(run.lines[1] == "GET /v1/changes?since=4&epoch=e&hash=h&wait=20")
        #expect(run.lines[4].hasPrefix("GET /v1/changes?since=6&"))
        let one = self.run([bindings(4, "hv1", "hv1")]) { watch throws(ClientError) in
            try watch.run(.portBinding, names: ["p1"], format: .name)
        }
        #expect(one.output == "port-binding/p1\n")
        let none = self.run([bindings(4, "hv1")]) { watch throws(ClientError) in
            try watch.run(.portBinding, names: ["p0", "p1"], format: .name)
        }
        #expect(none.error == ShownKind.portBinding.notFound("p1"))
    }

    @Test func `Ports of a switch are watched by its name`() {
        func port(_ name: String, _ logicalSwitch: String) -> JSONValue {
            Self.object(name, 1).merged(with: ["switch": .string(logicalSwitch)])
        }
        let script: [Result<Reply, ClientError>] = [
            .success(Reply(status: 200, body: ["name": "ls1"])),
            .success(Self.list(4, port("p1", "ls1"), port("p2", "ls2"))),
            .success(Self.changes(5, Self.put(port("p3", "ls1")), Self.put(port("p4", "ls2")))),
        ]
        let run = run(script) { watch throws(ClientError) in
            try watch.run(.port, of: "aaaaaaaa-0000-4000-8000-000000000001", format: .name)
        }
        #expect(run.output == "port/p1\nport/p3\n")
    }
}
