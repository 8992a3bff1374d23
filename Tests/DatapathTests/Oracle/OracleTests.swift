import Datapath
import Southbound
import TestSupport
import Testing
import Wire

/// One frame and the network that it is put into.
private struct Case {
    var history: [TableInput]
    var arrival: Arrival

    /// Nothing where both agree, else what each says.
    func mismatch(tables: ForwardingTables? = nil) -> String? {
        guard let tables = tables ?? TableInput.compile(history) else { return nil }
        let oracle = OraclePipeline(history: history)
        let expected = oracle.outcomes(of: arrival)
        let got = tables.outcomes(of: arrival, oracle.input)
        let texts = [expected, got].map { $0.map(\.description).sorted() }
        return texts[0] == texts[1] ? nil : "expected \(texts[0])\ngot      \(texts[1])"
    }

    /// Nothing if what is decided with the cache is what the pipeline decides.
    func mismatch(tables: ForwardingTables, cache: borrowing FlowCache) -> String? {
        guard let input = history.last else { return nil }
        let expected = tables.outcomes(of: arrival, input)
        let got = tables.keptOutcomes(of: arrival, input, cache)
        // A frame without outputs counts as a hairpin, which the forwarder says of it otherwise.
        guard got != expected, got != [.drop(.hairpin)] || !expected.isEmpty else { return nil }
        return "expected \(expected)\nkept     \(got)"
    }

    /// The kinds of answers and the drop reasons that a frame from a device meets.
    func kinds(_ tables: ForwardingTables) -> [String] {
        guard case .device(let slot, let bytes) = arrival else { return [] }
        return tables.trace(bytes, from: slot).steps.compactMap { step in
            switch step.decision {
            case .answer(let kind): kind.label
            case .drop(let reason): reason.label
            case .next, .output, .rewrite, .enter: nil
            }
        }
    }

    /// The same mismatch with as few records as possible.
    func shrunk() -> Case {
        var best = self
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            for smaller in best.smaller() where smaller.mismatch() != nil {
                best = smaller
                isSmaller = true
                break
            }
        }
        return best
    }

    private func smaller() -> [Case] {
        var cases: [Case] = []
        if history.count > 1 {
            var fewer = self
            fewer.history.removeFirst()
            cases.append(fewer)
        }
        let last = history[history.count - 1]
        for port in last.ports {
            var fewer = self
            for index in fewer.history.indices { fewer.history[index].ports.removeAll { $0.id == port.id } }
            cases.append(fewer)
            guard !port.portSecurity.isEmpty else { continue }
            var open = self
            for index in open.history.indices {
                for place in open.history[index].ports.indices where open.history[index].ports[place].id == port.id {
                    open.history[index].ports[place].portSecurity.removeLast()
                }
            }
            cases.append(open)
        }
        for chassis in last.chassis {
            var fewer = self
            for index in fewer.history.indices { fewer.history[index].chassis.removeAll { $0 == chassis } }
            cases.append(fewer)
        }
        return cases
    }

    var report: String {
        let smallest = shrunk()
        let tables = TableInput.compile(smallest.history)?.description ?? ""
        return "\(smallest.arrival)\n\(smallest.mismatch() ?? "")\n\(tables)\n\(smallest.history.map(\.ports))"
    }
}

@Suite struct OracleTests {
    private static let networkCount = 1500
    private static let frameCount = 150

    @Test("random frames in random networks: both pipelines decide alike", arguments: 0..<4)
    func pipelinesAgree(part: Int) {
        var seen: Set<String> = []
        var met: Set<String> = []
        for seed in 0..<Self.networkCount / 4 {
            var network = RandomNetwork(seed: UInt64(part * Self.networkCount + seed))
            let history = network.history()
            guard let tables = TableInput.compile(history), let input = history.last else { continue }
            // Half of them so small that flows push each other out.
            let cache = FlowCache(entryCount: seed.isMultiple(of: 2) ? 8 : FlowCache.usualEntryCount)
            for _ in 0..<Self.frameCount {
                let one = Case(history: history, arrival: Arrival.random(in: input, &network))
                if let mismatch = one.mismatch(tables: tables, cache: cache) {
                    Issue.record("seed \(part * Self.networkCount + seed): \(mismatch)\n\(one.arrival)")
                    return
                }
                if let mismatch = one.mismatch(tables: tables) {
                    Issue.record("seed \(part * Self.networkCount + seed): \(mismatch)\n\(one.report)")
                    return
                }
                met.formUnion(one.kinds(tables))
            }
            seen.insert(tables.description)
        }
        // A rejection is a drop here, and answered where frames are sent.
        let kinds = AnswerKind.allCases.filter { $0 != .rejection }.map(\.label)
        let drops: [DropReason] = [
            .raGuard, .dhcpGuard, .dhcpMalformed, .dhcpUnanswered, .ingressPortSecurity, .acl, .rejected,
        ]
        #expect(met.isSuperset(of: kinds + drops.map(\.label)), "\(met.sorted())")
        #expect(seen.count > Self.networkCount / 5)
    }

    @Test("random changes of random networks: a cache that outlives them decides as the pipeline", arguments: 0..<4)
    func cachesHold(part: Int) {
        for seed in 0..<150 {
            let number = UInt64(5_000_000 + part * 1000 + seed)
            var network = RandomNetwork(seed: number)
            let cache = FlowCache(entryCount: 1 << 12)
            var history = network.history()
            for _ in 0..<5 {
                var next = history[history.count - 1]
                next.now += .milliseconds(Int.random(in: 1...700, using: &network.generator))
                network.editAnything(&next)
                history.append(next)
            }
            let arrivals = (0..<40).map { _ in Arrival.random(in: history[0], &network) }
            let tables = history[0].compile()
            for index in history.indices {
                if index > 0 { history[index].update(tables, from: history[index - 1]) }
                for arrival in arrivals {
                    let one = Case(history: Array(history[...index]), arrival: arrival)
                    guard let mismatch = one.mismatch(tables: tables, cache: cache) else { continue }
                    Issue.record("seed \(number), step \(index): \(mismatch)\n\(one.arrival)")
                    return
                }
            }
        }
    }
}
