import Southbound
import Testing
import Wire

@testable import Datapath

/// A table of connections of its own memory.
final class ConnectionMemory {
    private let memory: UnsafeMutableRawPointer
    private let bucketCount: Int
    let connections: ConnectionTable

    init(bucketCount: Int = 1 << 10) throws {
        let byteCount = ConnectionTable.byteCount(bucketCount: bucketCount)
        self.bucketCount = bucketCount
        memory = .allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        connections = try #require(
            ConnectionTable(memory, bucketCount: bucketCount, key: SipHashKey(low: 1, high: 2))
        )
    }

    deinit { memory.deallocate() }

    /// The table as another process finds it.
    var again: ConnectionTable? {
        ConnectionTable(memory, bucketCount: bucketCount, key: SipHashKey(low: 0, high: 0))
    }

    func words() -> UnsafeMutableBufferPointer<UInt64> {
        UnsafeMutableBufferPointer(
            start: memory.assumingMemoryBound(to: UInt64.self),
            count: ConnectionTable.byteCount(bucketCount: bucketCount) / 8
        )
    }

    func list(at now: Duration) -> [TrackedConnection] {
        var all: [TrackedConnection] = []
        connections.forEach(now: now) { connection, _ in
            all.append(connection)
            return true
        }
        return all
    }
}

/// A host whose decisions go through a cache, as the forwarder's.
struct ConnectionStory: ~Copyable {
    var host: TestHost
    let memory: ConnectionMemory
    let cache = FlowCache(entryCount: 64)
    var now = Duration.seconds(10)

    init(_ acls: [PacketFilter.Rule], bucketCount: Int = 1 << 10) throws {
        memory = try ConnectionMemory(bucketCount: bucketCount)
        host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv1")])
        set(acls)
    }

    mutating func set(_ acls: [PacketFilter.Rule]) {
        now += .milliseconds(1)
        host.update(at: now) { $0.datapaths[0].filter = PacketFilter(acls: acls, ports: ["vm1": 1, "vm2": 2]) }
    }

    /// The fate of a frame that a port sends.
    mutating func send(_ bytes: [UInt8], from number: Int = 1, after: Duration = .milliseconds(1)) -> Outcome? {
        now += after
        let connections = memory.connections
        return host.tables.view
            .keptOutcomes(of: bytes, from: UInt16(number - 1), connections: connections, now: now, cache).first
    }

    /// The slot that an answer in the place of a port comes to.
    func answer(_ bytes: [UInt8], from number: Int, to other: Int) -> UInt16? {
        bytes.withUnsafeBytes { memory in
            guard let base = memory.baseAddress else { return nil }
            let view = host.tables.view
            var verdict = view.processAnswer(
                Frame(base, byteCount: memory.count),
                from: UInt16(number - 1),
                to: UInt16(other),
                connections: self.memory.connections,
                now: now
            )
            return verdict.nextOutput(view).flatMap { $0.action.kind == .local ? $0.action.slot : nil }
        }
    }
}
