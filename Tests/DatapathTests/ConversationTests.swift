import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Whole conversations of many ports, with ACLs that change meanwhile: the pipeline, kept flows and the oracle.
@Suite struct ConversationTests {
    private static let storyCount = 60
    private static let frameCount = 2000

    @Test("random conversations: kept flows, the pipeline and the oracle decide alike", arguments: 0..<4)
    func theyAgree(part: Int) throws {
        var met: [String: Int] = [:]
        for number in 0..<Self.storyCount / 4 {
            let seed = UInt64(9_000_000 + part * 1000 + number)
            var story = try Conversations(seed: seed)
            for step in 0..<Self.frameCount {
                if let mismatch = story.step() {
                    Issue.record("seed \(seed), step \(step): \(mismatch)")
                    return
                }
                guard step % 50 == 0, let mismatch = story.listMismatch() else { continue }
                Issue.record("seed \(seed), step \(step): \(mismatch)")
                return
            }
            met.merge(story.met) { $0 + $1 }
        }
        // All of it was there, and much of it.
        let frames = Self.storyCount / 4 * Self.frameCount
        #expect(met["passed", default: 0] > frames / 4 && met["kept", default: 0] > frames / 20, "\(met)")
        for name in ["acl", "rejected", "connection_invalid", "established", "closed", "lastAcknowledgment", "blocked"]
        {
            #expect(met[name, default: 0] > 0, "\(name) of \(met)")
        }
    }
}

/// Ports 1 to 6 here and two elsewhere, and who talks on them.
private struct Conversations: ~Copyable {
    private var network: RandomNetwork
    private var input: TableInput
    private let tables: ForwardingTables
    private let cache: FlowCache
    private let kept: ConnectionMemory
    private let whole: ConnectionMemory
    private let oracle = OracleConnections()
    private var now = Duration.seconds(100)
    private var conversations: [RandomConversation] = []
    private(set) var met: [String: Int] = [:]

    init(seed: UInt64) throws {
        network = RandomNetwork(seed: seed)
        cache = FlowCache(entryCount: seed.isMultiple(of: 2) ? 64 : FlowCache.usualEntryCount)
        (kept, whole) = (try ConnectionMemory(bucketCount: 512), try ConnectionMemory(bucketCount: 512))
        let switchID = ObjectID(high: 1, low: 0)
        input = TableInput(localChassis: "hv1", localEncap: TestHost.encap(1), innerMTU: 1442)
        input.hashSeed = network.generator.next()
        input.chassis = (1...2).map { number in
            Chassis(name: "hv\(number)", chassisID: "", hostname: "", encaps: [Encap(ip: TestHost.encap(number))])
        }
        input.datapaths = [DatapathBinding(id: switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false)]
        input.ports = (1...8).map { [network] number in
            PortBinding(
                id: ObjectID(high: 2, low: UInt64(number)),
                logicalPort: "p\(number)",
                datapath: switchID,
                tunnelKey: UInt16(number),
                addresses: [PortAddress(mac: network.mac(number), ips: [])],
                locations: [PortBinding.Location(chassis: number > 6 ? "hv2" : "hv1", bindSeq: 1)]
            )
        }
        input.plugged = (1...6).map { Device(logicalPort: "p\($0)", slot: UInt16($0)) }
        input.datapaths[0].filter = Self.filter(&network)
        tables = input.compile()
        conversations = (0..<12).map { _ in RandomConversation(&network) }
    }

    /// Sends one frame, after something else has changed now and then.
    /// - Returns: who says what, if they do not agree.
    mutating func step() -> String? {
        now += .milliseconds(network.chance(1) ? Int.random(in: 0..<300_000, using: &network.generator) : 1)
        if Int.random(in: 0..<150, using: &network.generator) == 0 { change() }
        let place = conversations.indices.randomElement(using: &network.generator) ?? 0
        if Int.random(in: 0..<60, using: &network.generator) == 0 {
            conversations[place] = RandomConversation(&network)
        }
        var (bytes, sender) = conversations[place].frame(&network)
        if network.chance(2) { bytes[5] = UInt8(Int.random(in: 1...9, using: &network.generator)) }
        if network.chance(1) { bytes[Int.random(in: 12..<bytes.count, using: &network.generator)] ^= 1 }
        if network.chance(2), sender <= 6 { sender = sender % 6 + 1 }
        oracle.now = Int(ConnectionTable.milliseconds(now))
        let pipeline = OraclePipeline(history: [input], connections: oracle)
        let outcomes: [[Outcome]]
        if sender <= 6 {
            let slot = UInt16(sender)
            let view = tables.view
            if let known = view.kept(bytes, from: slot, cache), !known.ingress.isNone || !known.egress.isNone {
                met["kept", default: 0] += 1
            }
            outcomes = [
                pipeline.outcomes(of: bytes, from: slot),
                view.outcomes(of: bytes, from: slot, connections: whole.connections, now: now),
                view.keptOutcomes(of: bytes, from: slot, connections: kept.connections, now: now, cache),
            ]
        } else {
            outcomes = tunnelled(bytes, from: sender, pipeline)
        }
        let passes = outcomes[0].contains { outcome in
            switch outcome {
            case .local, .tunnel: true
            case .reply, .drop, .copyDropped, .tooLong, .fragments: false
            }
        }
        if passes { conversations[place].notePassed() }
        count(outcomes[0], passes)
        let texts = outcomes.map { $0.map(\.description).sorted() }
        guard texts[0] != texts[1] || texts[1] != texts[2] else { return nil }
        let frame = OracleConnections.hexadecimal(bytes)
        return "\(frame) from \(sender)\noracle   \(texts[0])\npipeline \(texts[1])\nkept     \(texts[2])\n"
            + "\(input.datapaths[0].filter.map { "\($0)" } ?? "")"
    }

    /// A frame of another host, for the port that has its destination.
    private func tunnelled(_ bytes: [UInt8], from sender: Int, _ pipeline: OraclePipeline) -> [[Outcome]] {
        let egress = UInt16(bytes[5])
        let datagram = FrameBuilder.geneve(vni: 5, ingress: UInt16(sender), egress: egress, frame: bytes)
        let source = TestHost.encap(2)
        let view = tables.view
        return [
            pipeline.outcomes(vni: 5, ingress: UInt16(sender), egress: egress, inner: bytes, from: source, now: now),
            view.outcomes(ofDatagram: datagram, from: source, connections: whole.connections, now: now),
            view.keptOutcomes(ofDatagram: datagram, from: source, connections: kept.connections, now: now, cache),
        ]
    }

    /// Nothing if all three know the same connections.
    mutating func listMismatch() -> String? {
        let lists = [kept, whole].map { memory in
            memory.list(at: now).map { connection in
                let ends = [
                    (connection.source, connection.sourcePort), (connection.destination, connection.destinationPort),
                ]
                .map { "\(Self.octets($0)).\($1)" }.joined(separator: " ")
                return "\(connection.portKey) \(connection.transport) \(ends) \(connection.state) "
                    + "\(connection.isBlocked) \(connection.isFromPort) \(connection.idleSeconds)"
            }
            .sorted()
        }
        for line in oracle.lines {
            if line.contains("established") { met["established", default: 0] += 1 }
            if line.contains("closed") { met["closed", default: 0] += 1 }
            if line.contains("last_") { met["lastAcknowledgment", default: 0] += 1 }
            if line.contains("true") { met["blocked", default: 0] += 1 }
        }
        let expected = oracle.lines
        guard lists[0] != expected || lists[1] != expected else { return nil }
        let (more, less) = (Set(lists[1]).subtracting(expected), Set(expected).subtracting(lists[1]))
        return "only in the table: \(more.sorted())\nonly in the oracle: \(less.sorted())\n"
            + "kept flows: \(lists[0] == lists[1])"
    }

    private static func octets(_ address: IPAddress) -> String {
        switch address {
        case .v4(let address):
            OracleConnections.hexadecimal((0..<4).map { UInt8(address.rawValue >> (24 - 8 * $0) & 255) })
        case .v6(let address):
            OracleConnections.hexadecimal(
                [address.high, address.low].flatMap { word in (0..<8).map { UInt8(word >> (56 - 8 * UInt64($0)) & 255) }
                }
            )
        }
    }

    private mutating func count(_ outcomes: [Outcome], _ passes: Bool) {
        if passes { met["passed", default: 0] += 1 }
        for outcome in outcomes {
            switch outcome {
            case .drop(let reason), .copyDropped(let reason, _): met[reason.label, default: 0] += 1
            case .local, .tunnel, .reply, .tooLong, .fragments: break
            }
        }
    }

    private mutating func change() {
        if network.chance(20) {
            let key = UInt16.random(in: 1...6, using: &network.generator)
            for memory in [kept, whole] { _ = memory.connections.remove { $0.portKey == key } }
            oracle.forget(port: key)
            return
        }
        if network.chance(20) {
            for memory in [kept, whole] { memory.connections.recount(now: now) }
            return
        }
        var next = input
        next.now = now
        let filter = Self.filter(&network)
        guard filter != input.datapaths[0].filter else { return }
        next.datapaths[0].filter = filter
        next.update(tables, from: input)
        input = next
        oracle.edition += 1
    }

    /// ACLs as people write them, or any, of a switch that tracks connections.
    private static func filter(_ network: inout RandomNetwork) -> PacketFilter {
        var filter: PacketFilter?
        while filter == nil { filter = network.filter() }
        guard var filter else { return PacketFilter(acls: []) }
        func rule(_ match: String, _ action: PacketFilter.Action, _ direction: PacketFilter.Direction)
            -> PacketFilter.Rule
        {
            PacketFilter.Rule(name: match, direction: direction, tier: 0, match: match, action: action)
        }
        let usual = [
            rule("outport == @many && tcp.dst == {80, 443, 4000}", .allowRelated, .toPort),
            rule("outport == @many && udp.dst == 53", .allowRelated, .toPort),
            rule("outport == @many && ip4.src == $hosts", .allowRelated, .toPort),
            rule("outport == @many && sctp", .allow, .toPort), rule("icmp", .allowRelated, .toPort),
            rule("outport == @few && ip", .reject, .toPort), rule("outport == @many && ip", .drop, .toPort),
            rule("inport == @many && ip4", .allowRelated, .fromPort),
            rule("inport == @few && ip6.dst == $hosts", .allowRelated, .fromPort),
            rule("inport == @few && ip6", .drop, .fromPort),
            rule("udp.dst == 443 && ip4", .allowStateless, .fromPort),
        ]
        if network.chance(75) { filter.acls = usual.filter { _ in network.chance(80) } }
        filter.acls.append(rule("0", .allowRelated, .toPort))
        return filter
    }
}
