import Foundation
import Glibc
import HTTPTransport
import JSON
import Reactor
import Synchronization
import Testing

/// Central is killed, runs out of disk or loses it: what was acknowledged is there, and nothing is there by halves.
@Suite(.serialized) struct DurabilityTests {
    /// The objects that clients wrote, as they know them.
    private final class Ledger: Sendable {
        struct State {
            /// Acknowledged and not touched since: must be there.
            var present: Set<String> = []
            /// Acknowledged as deleted: must not be there.
            var deleted: Set<String> = []
            /// Ports of large transactions that were acknowledged.
            var large = 0
            var revision: Int64 = 0
            /// Answers of success so far.
            var acknowledged = 0
        }

        let state = Mutex(State())
    }

    @Test func `Killed under load again and again, it keeps every acknowledged write and no half of one`() throws {
        let folder = DataFolder()
        let ledger = Ledger()
        for round in 1...10 {
            let central = try CentralProcess(folder)
            try check(central, ledger)
            let ends = (0..<4).map { client -> OneShot<Void> in
                let end = OneShot<Void>()
                let endpoint = central.northbound
                startThread(named: "load") {
                    let name = "\(round)-\(client)"
                    if client == 0 { Self.loadLarge(endpoint, name, ledger) } else { Self.load(endpoint, name, ledger) }
                    end.put(())
                }
                return end
            }
            // Each round has some answers and is cut at another place; every third has a large one among them.
            let (acknowledged, large) = ledger.state.withLock { ($0.acknowledged, $0.large) }
            let enough = acknowledged + 12 + 7 * (round % 5)
            let enoughLarge = round % 3 == 0 ? large + 1 : large
            var turns = 0
            while turns < 100_000, ledger.state.withLock({ $0.acknowledged < enough || $0.large < enoughLarge }) {
                usleep(500)
                turns += 1
            }
            central.end(SIGKILL)
            for end in ends { end.take() }
        }
        try check(CentralProcess(folder), ledger)
        ledger.state.withLock { #expect($0.present.count > 20 && $0.deleted.count > 5 && $0.large > 0) }
    }

    /// Writes until the connection breaks: a switch with its two ports as one transaction, now and then taken back.
    private static func load(_ endpoint: HTTPEndpoint, _ name: String, _ ledger: Ledger) {
        guard let client = try? BlockingClient(endpoint) else { return }
        for index in 0... {
            let name = "s\(name)-\(index)"
            let ops: JSONValue = [
                ["op": "create", "path": "/v1/switches", "body": ["name": .string(name)]],
                ["op": "create", "path": "/v1/ports", "body": ["name": .string(name + "a"), "switch": .string(name)]],
                ["op": "create", "path": "/v1/ports", "body": ["name": .string(name + "b"), "switch": .string(name)]],
            ]
            guard let made = try? client.send("POST", "/v1/transactions", ["ops": ops]), made.status == 200 else {
                return
            }
            ledger.state.withLock {
                $0.present.insert(name)
                $0.acknowledged += 1
                $0.revision = max($0.revision, made.json["revision"]?.integerValue ?? 0)
            }
            guard index % 3 == 2 else { continue }
            // From here on the outcome is open until the answer is there.
            _ = ledger.state.withLock { $0.present.remove(name) }
            guard let gone = try? client.send("DELETE", "/v1/switches/\(name)"), gone.status == 204 else { return }
            ledger.state.withLock {
                $0.deleted.insert(name)
                $0.acknowledged += 1
            }
        }
    }

    private static let largeCount = 100
    private static let filler = String(repeating: "x", count: 1000)

    /// Writes until the connection breaks: ports of one switch, as transactions that the log takes in parts.
    private static func loadLarge(_ endpoint: HTTPEndpoint, _ name: String, _ ledger: Ledger) {
        let labels: JSONValue = ["a": .string(filler), "b": .string(filler), "c": .string(filler)]
        guard let client = try? BlockingClient(endpoint),
            (try? client.send("PUT", "/v1/switches/large", [:])) != nil
        else { return }
        for index in 0... {
            let ops = (0..<largeCount).map { port -> JSONValue in
                let body: JSONValue = [
                    "name": .string("large-\(name)-\(index)-\(port)"), "switch": "large", "labels": labels,
                ]
                return ["op": "create", "path": "/v1/ports", "body": body]
            }
            guard let made = try? client.send("POST", "/v1/transactions", ["ops": .array(ops)]), made.status == 200
            else {
                return
            }
            ledger.state.withLock {
                $0.large += largeCount
                $0.revision = max($0.revision, made.json["revision"]?.integerValue ?? 0)
            }
        }
    }

    private func check(_ central: CentralProcess, _ ledger: Ledger) throws {
        let client = try BlockingClient(central.northbound)
        var switches = Set(try client.items("/v1/switches").compactMap { $0["name"]?.stringValue })
        var ports = Set(try client.items("/v1/ports").compactMap { $0["name"]?.stringValue })
        let bindings = try client.items("/v1/southbound/port-bindings").count
        #expect(bindings == ports.count)
        switches.remove("large")
        let large = ports.filter { $0.hasPrefix("large") }
        ports.subtract(large)
        #expect(large.count % Self.largeCount == 0, "half of a large transaction")
        #expect(ports == Set(switches.flatMap { [$0 + "a", $0 + "b"] }), "half of a transaction")
        let revision = Int64(try client.send("GET", "/livez")["Heddle-Revision"] ?? "") ?? 0
        ledger.state.withLock { state in
            #expect(large.count >= state.large, "an acknowledged large write is gone")
            #expect(state.present.subtracting(switches).isEmpty, "an acknowledged write is gone")
            #expect(state.deleted.isDisjoint(with: switches), "an acknowledged deletion is undone")
            #expect(revision >= state.revision)
        }
    }

    @Test func `A full disk answers 503, changes nothing and leaves reads working`() throws {
        let folder = DataFolder()
        // In units of 512 bytes: no file may grow beyond 400 KiB.
        let central = try CentralProcess(folder, wrapper: ["/bin/sh", "-c", "ulimit -f 800; exec \"$0\" \"$@\""])
        let client = try BlockingClient(central.northbound)
        try client.send("POST", "/v1/switches", ["name": "ls1"])
        var refused: BlockingClient.Answer?
        var count = 0
        while refused == nil, count < 100 {
            let ops = (0..<20).map { index -> JSONValue in
                let labels: JSONValue = ["filler": .string(Self.filler)]
                return [
                    "op": "create", "path": "/v1/switches",
                    "body": ["name": .string("big\(count)-\(index)"), "labels": labels],
                ]
            }
            let answer = try client.send("POST", "/v1/transactions", ["ops": .array(ops)])
            if answer.status == 200 { count += 1 } else { refused = answer }
        }
        #expect(refused?.status == 503 && refused?.json["code"] == "storage_full")
        #expect(refused?["Retry-After"] != nil)
        #expect(try client.items("/v1/switches").count == 1 + 20 * count)
        #expect(try client.send("GET", "/readyz").status == 200)
        central.end(SIGKILL)
        let again = try CentralProcess(folder)
        #expect(try BlockingClient(again.northbound).items("/v1/switches").count == 1 + 20 * count)
        #expect(try BlockingClient(again.northbound).send("POST", "/v1/switches", ["name": "more"]).status == 201)
    }

    @Test func `A failing sync ends the process with code 74 and acknowledges nothing`() throws {
        let folder = DataFolder()
        let shim = try SyncShim()
        let central = try CentralProcess(folder, environment: ["LD_PRELOAD": shim.library, "HD_SYNC_FAILS": shim.flag])
        let client = try BlockingClient(central.northbound)
        #expect(try client.send("POST", "/v1/switches", ["name": "ls1"]).status == 201)
        try shim.fail()
        #expect(throws: HTTPClientError.self) { try client.send("POST", "/v1/switches", ["name": "ls2"]) }
        central.process.waitUntilExit()
        #expect(central.process.terminationStatus == 74)
        #expect(central.log.contains("the commit log failed"))
        let again = try CentralProcess(folder)
        #expect(try BlockingClient(again.northbound).send("GET", "/v1/switches/ls1").status == 200)
    }
}

/// A library that makes syncs to disk fail from the moment that a file exists.
private final class SyncShim {
    let library: String
    let flag: String
    private let folder = DataFolder()

    init() throws {
        let base = String(folder.path.dropLast("/data".count))
        library = base + "/shim.so"
        flag = base + "/fails"
        let source = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <stdlib.h>
            #include <unistd.h>
            static int fails(void) {
                const char *flag = getenv("HD_SYNC_FAILS");
                if (!flag || access(flag, F_OK) != 0) return 0;
                errno = EIO;
                return 1;
            }
            int fsync(int fd) { return fails() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
            int fdatasync(int fd) { return fails() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
            """
        try Data(source.utf8).write(to: URL(fileURLWithPath: base + "/shim.c"))
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments = ["clang", "-shared", "-fPIC", "-o", library, base + "/shim.c", "-ldl"]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }

    func fail() throws { try Data().write(to: URL(fileURLWithPath: flag)) }
}
