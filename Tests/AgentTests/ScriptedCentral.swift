import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Netdev
import Reactor
import Southbound
import Synchronization
import Wire

/// A central that binds every port that is claimed, or refuses everybody, as the test says.
final class ScriptedCentral: Sendable {
    /// The URL for agents in its namespace.
    let url: String
    private let script: Script
    private let loop: Mailbox<Void>

    /// The state that the test's thread and the serving one share.
    private final class Script: Sendable {
        let refusal = Mutex<(status: Int, code: String, detail: String)?>(nil)
        let syncs = Mutex<[SyncRequest]>([])
    }

    /// The state of the serving thread alone.
    private final class Feed {
        var revision: UInt64 = 1
        var ports: [SyncRequest.PluggedPort] = []
        var parked: (exchange: HTTPExchange, since: UInt64)?
        /// The last start of the agent and its highest sequence number.
        var boot: (id: String, seq: UInt64)?
        var server: HTTPServer?
    }

    init(in namespace: NetworkNamespace) throws {
        let listener = try namespace.run { () throws(SystemError) in
            try Descriptor.listen(on: .ip(.v4(IPv4Address(0x7f00_0001)), port: 0))
        }
        url = "http://\(try listener.localAddress())"
        let script = Script()
        self.script = script
        loop = try EventLoop.start(named: "central") { loop throws(SystemError) in
            let feed = Feed()
            feed.server = try HTTPServer(loop: loop, listener: listener) { exchange in
                Self.serve(exchange, feed, script)
            }
            return try Mailbox(on: loop) { _ in
                feed.server?.stopAccepting()
                loop.stop()
            }
        }.handle
    }

    deinit {
        loop.send(())
    }

    /// Refuses every sync from now on.
    func refuse(status: Int, code: String, detail: String) {
        script.refusal.withLock { $0 = (status, code, detail) }
    }

    /// The syncs of agents so far.
    var syncs: [SyncRequest] { script.syncs.withLock { $0 } }

    private static func serve(_ exchange: HTTPExchange, _ feed: Feed, _ script: Script) {
        guard let json = try? JSONParser.parse(exchange.body), let sync = try? SyncRequest(json: json) else {
            return exchange.respond(HTTPResponse(status: .badRequest), body: .none)
        }
        // Two connections may bring two syncs in the other order. The earlier one tells of what is no longer so.
        if let boot = feed.boot, boot.id == sync.bootID, sync.seq <= boot.seq {
            let problem: JSONValue = ["code": "stale_sequence", "detail": "a later sync has come before"]
            return exchange.respond(HTTPResponse(status: .conflict), body: .bytes(problem.bytes))
        }
        feed.boot = (sync.bootID, sync.seq)
        script.syncs.withLock { $0.append(sync) }
        if let refusal = script.refusal.withLock({ $0 }) {
            let problem: JSONValue = ["code": .string(refusal.code), "detail": .string(refusal.detail)]
            let status = HTTPResponse.Status(code: refusal.status)
            return exchange.respond(HTTPResponse(status: status), body: .bytes(problem.bytes))
        }
        if let parked = feed.parked {
            feed.parked = nil
            answer(parked.exchange, since: parked.since, to: parked.since, [])
        }
        if feed.ports.map(\.logicalPort) != sync.ports.map(\.logicalPort) { feed.revision += 1 }
        feed.ports = sync.ports
        if sync.since == feed.revision, sync.wait > 0 {
            feed.parked = (exchange, sync.since)
            exchange.onDisconnect = { [weak exchange] in
                if feed.parked?.exchange === exchange { feed.parked = nil }
            }
        } else {
            let records = sync.since == feed.revision ? [] : share(of: feed.ports)
            answer(exchange, since: sync.since, to: feed.revision, records)
        }
    }

    private static func answer(_ exchange: HTTPExchange, since: UInt64, to revision: UInt64, _ records: [Record]) {
        let answer = FeedAnswer(
            epoch: 0xabc,
            from: since,
            to: revision,
            mode: since == 0 ? .snapshot : .delta,
            changes: records.map { FeedChange(revision: revision, change: .put($0)) }
        )
        exchange.respond(HTTPResponse(status: .ok), body: .bytes(answer.bytes))
    }

    private static func share(of ports: [SyncRequest.PluggedPort]) -> [Record] {
        let datapath = ObjectID(high: 1, low: 1)
        let encap = Encap(ip: .v4(IPv4Address(0x0a63_0701)))
        var records: [Record] = [
            .chassis(Chassis(name: "hv1", chassisID: "id", hostname: "", encaps: [encap])),
            .datapathBinding(DatapathBinding(id: datapath, name: "ls1", tunnelKey: 1, vlanPassthru: false)),
        ]
        for (index, port) in ports.enumerated() {
            records.append(
                .portBinding(
                    PortBinding(
                        id: ObjectID(high: 2, low: UInt64(index)),
                        logicalPort: port.logicalPort,
                        datapath: datapath,
                        tunnelKey: UInt16(index + 1),
                        hasUnknown: true,
                        locations: [PortBinding.Location(chassis: "hv1", bindSeq: port.claim)]
                    )
                )
            )
        }
        return records
    }
}
