import CentralCore
import JSON
import NetworkModel
import Southbound
import Testing

/// A guest moves from h1 to h2: docs/decisions/046-migration.md.
@Suite struct MigrationTests {
    private struct Move {
        let bench = CoreBench()
        var source = BenchAgent("h1", "10.0.0.1")
        var target = BenchAgent("h2", "10.0.0.2")

        /// The port is up at h1, and h1 alone may have it.
        init() {
            bench.write(.create(switch: ["name": "a"]))
            bench.write(.create(port: ["name": "p", "requested_chassis": ["h1"]], on: "a"))
            source.plug("p")
            bench.settle(&source)
        }

        /// Lets the guest move, and brings both hosts up to date.
        mutating func begin(_ hosts: [JSONValue] = ["h1", "h2"]) {
            target.plug("p")
            bench.settle(&target)
            bench.write(.patch(port: "p", ["requested_chassis": .array(hosts), "activation_strategy": ["rarp"]]))
            settle()
        }

        mutating func settle() {
            for _ in 0..<2 {
                bench.settle(&source)
                bench.settle(&target)
            }
        }

        /// The guest announces itself at h2.
        mutating func activate() {
            let place = bench.binding("p")?.standby
            for index in target.ports.indices { target.ports[index].activated = place?.bindSeq }
            bench.settle(&target)
        }

        var places: String {
            let binding = bench.binding("p")
            return (binding?.locations ?? []).map { "\($0.chassis)#\($0.bindSeq) \($0.state)" }.joined(separator: ", ")
        }

        var waiting: [String] {
            (bench.port("p")?.status.waiting ?? []).map { "\($0.chassis) \($0.reason.rawValue) \($0.lacks)" }
        }

        var status: LogicalSwitchPort.Status? { bench.port("p")?.status }
    }

    @Test func `The next host of the list is standby, and gets the port when the guest announces itself there`() {
        var move = Move()
        move.begin()
        #expect(move.places == "h1#1 active, h2#2 standby")
        #expect(move.status?.chassis == "h1" && move.status?.isUp == true && move.waiting == [])
        #expect(move.status?.standby == .init(chassis: "h2", isUp: true))
        #expect(move.bench.binding("p")?.activationStrategy == [.rarp])
        move.activate()
        #expect(move.places == "h2#3 active")
        #expect(move.status?.chassis == "h2" && move.status?.isUp == true && move.status?.standby == nil)
        // The list is as it was, and the guest stays.
        move.settle()
        #expect(move.places == "h2#3 active" && move.waiting == ["h1 set-aside []"])
        move.bench.write(.patch(port: "p", ["requested_chassis": ["h2"], "activation_strategy": []]))
        #expect(move.places == "h2#3 active" && move.status?.isUp == true)
        #expect(move.bench.published.translationDifference().isEmpty)
    }

    @Test func `The port may be plugged in at the target after the list has it`() {
        var move = Move()
        move.bench.write(
            .patch(port: "p", ["requested_chassis": ["h1", "h2"], "activation_strategy": ["garp", "na"]])
        )
        #expect(move.places == "h1#1 active")
        move.target.plug("p")
        let ticket = move.bench.sync("h2", move.target.request())
        #expect(move.places == "h1#1 active, h2#2 standby" && move.status?.standby?.isUp == false)
        if let answer = move.bench.feed(ticket) { move.target.take(answer) }
        move.settle()
        #expect(move.status?.standby?.isUp == true)
    }

    @Test func `A move that is called off leaves the port where it was, and can begin again`() {
        var move = Move()
        move.begin()
        move.bench.write(.patch(port: "p", ["requested_chassis": ["h1"], "activation_strategy": []]))
        #expect(move.places == "h1#1 active" && move.status?.isUp == true && move.status?.standby == nil)
        move.settle()
        #expect(move.waiting == ["h2 requested-elsewhere []"])
        // An announcement that comes too late counts for nothing.
        for index in move.target.ports.indices { move.target.ports[index].activated = 2 }
        move.settle()
        #expect(move.places == "h1#1 active")
        for index in move.target.ports.indices { move.target.ports[index].isSetAside = true }
        move.bench.write(.patch(port: "p", ["requested_chassis": ["h1", "h2"], "activation_strategy": ["rarp"]]))
        move.settle()
        #expect(move.places == "h1#1 active, h2#3 standby")
        move.activate()
        #expect(move.places == "h2#4 active")
    }

    @Test func `A guest goes back by the list, also after it has moved`() {
        var move = Move()
        move.begin()
        move.activate()
        move.settle()
        move.bench.write(.patch(port: "p", ["requested_chassis": ["h1"], "activation_strategy": []]))
        move.settle()
        #expect(move.places == "h1#4 active" && move.status?.isUp == true)
    }

    @Test func `Without a strategy the hosts of a list have the port one at a time`() {
        var move = Move()
        move.target.plug("p")
        move.bench.write(.patch(port: "p", ["requested_chassis": ["h1", "h2"]]))
        move.settle()
        #expect(move.places == "h1#1 active" && move.waiting == ["h2 set-aside []"])
    }

    @Test func `The target gets the port when the source lets go of it, or may no longer have it`() {
        for isUnplugged in [true, false] {
            var move = Move()
            move.begin()
            if isUnplugged {
                move.source.unplug("p")
                move.bench.settle(&move.source)
            } else {
                move.bench.write(.patch(port: "p", ["requested_chassis": ["h2"]]))
            }
            #expect(move.places == "h2#3 active")
            move.settle()
            #expect(move.status?.isUp == true)
        }
    }

    @Test func `A source that dies keeps the port until the guest announces itself`() {
        var move = Move()
        move.begin()
        for _ in 0..<5 {
            move.bench.advance(.seconds(10))
            move.bench.settle(&move.target)
        }
        #expect(move.status?.reason == .chassisLost && move.places == "h1#1 active, h2#2 standby")
        move.activate()
        #expect(move.places == "h2#3 active" && move.status?.isUp == true)
    }

    @Test func `A target that dies stays standby, and the source does not notice`() {
        var move = Move()
        move.begin()
        for _ in 0..<5 {
            move.bench.advance(.seconds(10))
            move.bench.settle(&move.source)
        }
        #expect(move.places == "h1#1 active, h2#2 standby")
        #expect(move.status?.isUp == true && move.status?.standby?.isUp == false)
        move.bench.write(.patch(port: "p", ["requested_chassis": ["h1"]]))
        #expect(move.places == "h1#1 active" && move.status?.isUp == true)
    }

    @Test(arguments: [false, true])
    func `Central starts anew midway`(isActivated: Bool) throws {
        var move = Move()
        move.begin()
        if isActivated {
            for index in move.target.ports.indices { move.target.ports[index].activated = 2 }
        }
        try move.bench.restart()
        #expect(move.places == "h1#1 active, h2#2 standby")
        move.bench.settle(&move.source)
        #expect(move.places == "h1#1 active, h2#2 standby" && move.status?.isUp == true)
        #expect(move.status?.standby == .init(chassis: "h2", isUp: true))
        move.bench.settle(&move.target)
        #expect(move.places == (isActivated ? "h2#3 active" : "h1#1 active, h2#2 standby"))
        if !isActivated { move.activate() }
        #expect(move.places == "h2#3 active" && move.status?.isUp == true)
    }

    @Test func `A host whose agent does not know standby places gets none`() {
        var move = Move()
        move.target.features = Feature.basic
        move.begin()
        #expect(move.places == "h1#1 active" && move.status?.isUp == true)
        #expect(move.waiting == ["h2 unsupported-by-chassis [\"port_binding.locations.standby\"]"])
        move.target.features = Feature.all
        move.settle()
        #expect(move.places == "h1#1 active, h2#2 standby" && move.waiting == [])
        // An agent that goes back to an older version is standby no more.
        move.target.features = Feature.basic
        move.settle()
        #expect(move.places == "h1#1 active" && move.status?.isUp == true)
    }

    @Test func `A host that an announcement does not come from, or of a former place, takes nothing`() {
        var move = Move()
        move.begin()
        for index in move.target.ports.indices { move.target.ports[index].activated = 1 }
        for index in move.source.ports.indices { move.source.ports[index].activated = 2 }
        move.settle()
        #expect(move.places == "h1#1 active, h2#2 standby")
    }

    @Test func `A strategy is of known frames, each once`() {
        let move = Move()
        for wrong: JSONValue in [["arp"], ["rarp", "rarp"], ["rarp", "garp", "na", "rarp"], "rarp", [1]] {
            let ticket = move.bench.write(.patch(port: "p", ["activation_strategy": wrong]))
            #expect(move.bench.refusal(ticket)?.pointer?.hasPrefix("/activation_strategy") == true)
        }
    }
}
