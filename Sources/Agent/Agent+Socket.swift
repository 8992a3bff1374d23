import AgentCore
import ForwarderProtocol
import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Southbound

extension Agent {
    /// Answers a request at the socket.
    func serve(_ exchange: HTTPExchange) {
        let target = exchange.request.path ?? "/"
        do throws(Problem) {
            switch try SocketAPI.call(method: exchange.request.method, target: target, body: exchange.body) {
            case .event(let event):
                let ticket = take(exchange)
                exchange.onDisconnect = { [weak self] in
                    self?.exchanges[ticket] = nil
                    self?.hear(.disconnected(ticket))
                }
                hear(event(ticket))
            case .learntMACs(let filter): respond(to: exchange, .learntMACs(macs.list(filter, core, now: loop.now)))
            case .groups(let filter): respond(to: exchange, .multicastGroups(core.groups(filter, now: loop.now)))
            case .forget(let filter): respond(to: exchange, .forgotten(macs.forget(filter, core)))
            case .connections(let filter): respond(to: exchange, connections.list(filter, core, now: loop.now))
            case .forgetConnections(let filter): respond(to: exchange, .forgotten(connections.forget(filter, core)))
            case .filterCounters(let name):
                respond(to: exchange, .filterCounters(filters.counters(ofSwitch: name, core)))
            case .stop(let all):
                _ = take(exchange)
                end(all: all)
            }
        } catch {
            respond(to: exchange, .refused(error))
        }
    }

    func openCapture(_ ticket: Ticket, _ request: CaptureRequest, logicalPort: String) {
        guard let exchange = exchanges[ticket] else { return }
        if captures.open(ticket, request, logicalPort: logicalPort, for: exchange) { return }
        loop.defer { [weak self] in
            // As if the forwarder could not.
            self?.hear(.forwarderSaid(.capturing(number: ticket, isOn: false)))
        }
    }

    func respond(to exchange: HTTPExchange, _ answer: Answer) {
        let (response, body) = SocketAPI.response(answer, to: exchange.request.path ?? "")
        exchange.respond(response, body: body)
    }

    func take(_ exchange: HTTPExchange) -> Ticket {
        let ticket = takeTicket()
        exchanges[ticket] = exchange
        return ticket
    }

    func takeTicket() -> Ticket {
        defer { nextTicket += 1 }
        return nextTicket
    }

    func respond(to ticket: Ticket, _ answer: Answer) {
        if let exchange = exchanges.removeValue(forKey: ticket) { respond(to: exchange, answer) }
        if let query = queries.removeValue(forKey: ticket) { reply(to: query, answer) }
    }
}
