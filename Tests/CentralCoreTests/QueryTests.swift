import JSON
import NetworkModel
import Southbound
import Testing

@testable import CentralCore

/// Questions to hosts, which no commit answers.
@Suite struct QueryTests {
    private let bench = CoreBench()
    private var agent = BenchAgent("h1", "10.0.0.1")

    init() {
        bench.write(.put(switch: "a", [:]))
        bench.write(.create(port: ["name": "p1"], on: "a"))
        agent.plug("p1")
        bench.settle(&agent)
    }

    private func ask(_ query: HostQuery = HostQuery(id: 0, subject: .statistics), of name: String = "h1") -> Ticket {
        let ticket = bench.ticket()
        bench.ask(ticket, .query(chassis: name, query))
        return ticket
    }

    /// Replies as a chassis.
    private func reply(_ id: UInt64, _ content: JSONValue, as name: String = "h1") -> Ticket {
        let ticket = bench.ticket()
        bench.ask(ticket, .reply(chassis: name, HostReply(id: id, content: content)))
        return ticket
    }

    private func content(_ ticket: Ticket) -> JSONValue? {
        if case .reply(_, let reply)? = bench.answers[ticket] { reply.content } else { nil }
    }

    private func park() -> Ticket {
        var agent = agent
        agent.seq += 10
        return bench.sync("h1", agent.request(wait: 20))
    }

    @Test func `a question rides with the parked sync, and its reply goes to whoever asked`() throws {
        let parked = park()
        #expect(bench.answers[parked] == nil)
        let revision = bench.published.revision
        let asker = ask(HostQuery(id: 0, subject: .macs, logicalSwitch: "a"))
        let answer = try #require(bench.feed(parked))
        let query = try #require(answer.queries.first)
        #expect(answer.queries.count == 1 && answer.changes.isEmpty && query.subject == .macs)
        #expect(query.logicalSwitch == "a" && query.id < 1 << 53)
        #expect(bench.answers[asker] == nil)
        #expect(bench.refusal(reply(query.id, [:], as: "h2"))?.code == .notFound)
        #expect(bench.answers[asker] == nil)
        let told = reply(query.id, ["macs": []])
        #expect(content(asker) == ["macs": []])
        if case .heard? = bench.answers[told] {} else { Issue.record("the host is not told that it was heard") }
        // Once, and nothing of it is a commit.
        #expect(bench.refusal(reply(query.id, [:]))?.code == .notFound)
        #expect(bench.published.revision == revision)
    }

    @Test func `what a host says of itself is completed by what central knows of it`() throws {
        let parked = park()
        let asker = ask(HostQuery(id: 0, subject: .status))
        let answer = try #require(bench.feed(parked))
        let query = try #require(answer.queries.first)
        _ = reply(query.id, ["version": "1", "session": ["lease_seconds": 1_000_000, "mine": true]])
        let told = content(asker)
        #expect(told?["version"] == "1" && told?["session"]?["mine"] == nil)
        #expect((1...60).contains(told?["session"]?["lease_seconds"]?.integerValue ?? 0))
        #expect(told?["session"]?["applied"] == .integer(Int64(agent.applied)))
    }

    @Test func `where no sync is parked the question waits for the next one`() throws {
        let asker = ask()
        var agent = agent
        let answer = try #require(bench.feed(bench.sync("h1", agent.request(wait: 20))))
        _ = reply(try #require(answer.queries.first).id, ["ports": []])
        #expect(content(asker) == ["ports": []])
        // It is asked once.
        #expect(bench.answers[bench.sync("h1", agent.request(wait: 20))] == nil)
    }

    @Test func `those who ask the same share one question`() throws {
        let parked = park()
        let askers = (0..<100).map { _ in ask() }
        let answer = try #require(bench.feed(parked))
        #expect(answer.queries.count == 1)
        bench.send(.disconnected(askers[0]))
        _ = reply(try #require(answer.queries.first).id, ["ports": []])
        #expect(bench.answers[askers[0]] == nil)
        #expect(askers.dropFirst().allSatisfy { content($0) == ["ports": []] })
    }

    @Test func `a host has a bounded number of questions, and central too`() throws {
        for index in 0..<HostQuery.countMaximum {
            #expect(bench.answers[ask(HostQuery(id: 0, subject: .macs, logicalSwitch: "s\(index)"))] == nil)
        }
        let more = ask(HostQuery(id: 0, subject: .macs, logicalSwitch: "more"))
        #expect(bench.refusal(more)?.code == .unavailable)
        // Those whose clients have gone make room.
        var agent = agent
        let asked = try #require(bench.feed(bench.sync("h1", agent.request()))).queries
        #expect(asked.count == HostQuery.countMaximum)
        _ = reply(asked[3].id, [:])
        #expect(bench.answers[ask(HostQuery(id: 0, subject: .macs, logicalSwitch: "more"))] == nil)
    }

    @Test func `a host that says nothing is given up, and one that is gone or old is not asked`() {
        let asker = ask()
        bench.advance(.seconds(4))
        #expect(bench.answers[asker] == nil)
        bench.advance(.seconds(1))
        #expect(bench.refusal(asker)?.code == .hostUnreachable)
        #expect(bench.refusal(ask(of: "h9"))?.code == .notFound)
        var old = BenchAgent("h2", "10.0.0.2")
        old.features.removeAll { $0 == Feature.queries }
        bench.settle(&old)
        #expect(bench.refusal(ask(of: "h2"))?.code == .unsupported)
        bench.advance(.seconds(40))
        #expect(bench.refusal(ask())?.code == .hostUnreachable)
    }

    @Test func `a question for later is asked when its time has come, unless its client has gone`() throws {
        let parked = park()
        let (asker, gone) = (bench.ticket(), bench.ticket())
        for ticket in [asker, gone] {
            bench.ask(ticket, .query(chassis: "h1", HostQuery(id: 0, subject: .statistics), after: 1))
        }
        bench.send(.disconnected(gone))
        #expect(bench.answers[parked] == nil)
        bench.advance(.seconds(1))
        let query = try #require(bench.feed(parked)?.queries.first)
        _ = reply(query.id, ["ports": []])
        #expect(content(asker) == ["ports": []] && bench.answers[gone] == nil)
        let late = bench.ticket()
        bench.ask(late, .query(chassis: "h1", HostQuery(id: 0, subject: .statistics), after: 1))
        bench.send(.stopping)
        #expect(bench.refusal(late)?.code == .unavailable)
    }

    @Test func `a deleted chassis and an end of central give up what is open`() {
        let asker = ask()
        bench.write(.delete(chassis: "h1"))
        #expect(bench.refusal(asker)?.code == .hostUnreachable)
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        let ticket = bench.ticket()
        bench.ask(ticket, .query(chassis: "h1", HostQuery(id: 0, subject: .status)))
        bench.send(.stopping)
        #expect(bench.refusal(ticket)?.code == .hostUnreachable)
    }
}
