import AgentCore
import HTTP
import JSON
import Reactor
import Southbound

/// Replies to central's questions, by what users of the socket are told.
extension Agent {
    func reply(to query: HostQuery) {
        switch query.subject {
        case .statistics: hear(.portList(take(query), withStatistics: true))
        case .status: hear(.status(take(query)))
        case .macs:
            let filter = LearntMACFilter(switchName: query.logicalSwitch, logicalPort: query.logicalPort)
            reply(to: query, .learntMACs(macs.list(filter, core, now: loop.now)))
        case .acls: reply(to: query, .filterCounters(filters.counters(ofSwitch: query.logicalSwitch, core)))
        }
    }

    private func take(_ query: HostQuery) -> Ticket {
        let ticket = takeTicket()
        queries[ticket] = query
        return ticket
    }

    func reply(to query: HostQuery, _ answer: Answer) {
        var answer = answer
        if let port = query.logicalPort, case .ports(let reports, _, _, _) = answer {
            answer = .ports(reports.filter { $0.specification.logicalPort == port }, paths: [], forwarder: nil)
        }
        let content = answer.json ?? .object(JSONObject())
        central?.reply(HostReply(id: query.id, content: content))
    }
}
