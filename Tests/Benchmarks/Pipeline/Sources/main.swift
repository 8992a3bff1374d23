import Datapath
import Glibc

// pipeline [CASE [FRAMES]]: the packet path alone, its devices in memory, on one core: how many frames a second each
// case makes, the best of ten rounds. With FRAMES one round of so many, which can be counted in instructions:
// Tests/instructions does.
//
// pipeline tables: what a change of a port costs the tables, beside all of them from scratch.
//
// pipeline connections: new connections a second on one core, their memory, and that of many ACLs.
//
// pipeline acls: what ACLs cost a frame that is of no kept flow, and a change of a set.

/// The traffic of a case.
struct Case {
    let name: String
    let text: String
    var portCount = 4
    var isSecured = false
    /// Destinations of each port.
    var destinationCount = 1
    var sourceCount = 1
    /// 0: frames of 64 bytes; else superpackets of so many segments.
    var segmentCount = 0
    var isInward = false
    /// True if connections are tracked.
    var isTracked = false
}

let cases = [
    Case(name: "out", text: "64 bytes, from a port to another host"),
    Case(name: "in", text: "64 bytes, from another host to a port, in trains", isInward: true),
    Case(name: "cut", text: "TCP superpackets from a port, cut into 44 segments", segmentCount: 44),
    Case(name: "merge", text: "trains of 44 TCP segments, merged for a port", segmentCount: 44, isInward: true),
    Case(
        name: "ports",
        text: "64 bytes out, 10,000 ports, each with port security",
        portCount: 10_000,
        isSecured: true
    ),
    Case(
        name: "flows",
        text: "64 bytes out, 10,000 ports, each with port security, 100,000 flows",
        portCount: 10_000,
        isSecured: true,
        destinationCount: 50,
        sourceCount: 2000
    ),
    Case(name: "tracked", text: "64 bytes out, connections tracked", isTracked: true),
    Case(name: "tracked-in", text: "64 bytes in, in trains, connections tracked", isInward: true, isTracked: true),
    Case(
        name: "tracked-merge",
        text: "trains of 44 TCP segments, merged for a port, connections tracked",
        segmentCount: 44,
        isInward: true,
        isTracked: true
    ),
]

func measure(_ each: Case, frames: Int?) {
    let network = MemoryNetwork(each)
    // Misses first.
    network.forward(each.sourceCount * each.destinationCount * 2)
    guard let frames else {
        let count = each.segmentCount > 0 ? 20_000 : 2_000_000
        var best = Double.infinity
        for _ in 0..<10 {
            let start = nanoseconds()
            network.forward(count)
            best = min(best, (nanoseconds() - start) / Double(count))
        }
        let rate = 1e9 / best * Double(max(each.segmentCount, 1)) / 1e6
        print("\(each.name): \(each.text): \(Int(best)) ns, \(Double(Int(rate * 10)) / 10) million frames a second")
        return
    }
    network.forward(frames)
}

/// Of the processor, so that what else runs costs no more than a share of the cache.
func nanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

let words = CommandLine.arguments.dropFirst()
if words.first == "tables" {
    for portCount in [1000, 20_000, 100_000] { measureTables(portCount: portCount) }
    exit(0)
}
if words.first == "acls" {
    measureFilters()
    exit(0)
}
if words.first == "connections" {
    measureConnections()
    exit(0)
}
let chosen = words.first.map { word in cases.filter { $0.name == word } } ?? cases
guard !chosen.isEmpty else {
    print("pipeline: CASE is one of \(cases.map(\.name).joined(separator: " "))")
    exit(2)
}
for each in chosen { measure(each, frames: words.dropFirst().first.flatMap { Int($0) }) }
