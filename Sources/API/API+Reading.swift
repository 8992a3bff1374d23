import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

extension API {
    func read(_ call: Call, network: Network) throws(Problem) -> Reply {
        guard let (bytes, revision) = try object(call, network: network) else {
            let what = call.variables["ref"] ?? ""
            throw Problem(Refusal(.notFound, "There is no \(call.route.endpoint.kind?.names.noun ?? "") \"\(what)\"."))
        }
        let projection = try call.projection()
        switch call.conditions.outcome(ofReading: revision) {
        case .whole: return .json(.ok, projection?.apply(bytes) ?? bytes).tagged(revision).stamped(network)
        case .notModified: return Reply(.notModified).tagged(revision).stamped(network)
        case .failed: throw Problem(Refusal(.preconditionFailed, "The object is at revision \(revision)."))
        }
    }

    private func object(_ call: Call, network: Network) throws(Problem) -> (bytes: [UInt8], revision: UInt64)? {
        switch call.route.endpoint.kind {
        case .object(let kind)?:
            network.northbound.listed(kind, call.reference).map { ($0.bytes, $0.revision) }
        case .chassis?:
            network.chassisName(call.reference).flatMap { network.chassisView(named: $0) }
                .map { ($0.json.bytes, $0.revision) }
        case nil: nil
        }
    }

    func list(_ call: Call, network: Network) throws(Problem) -> Action {
        let limit = try call.number(
            .limit,
            in: 1...PageToken.limitMaximum,
            "a number of items from 1 to \(PageToken.limitMaximum)"
        )
        let token = try call.parameters[.pageToken].map { text throws(Problem) in
            guard let token = PageToken(text) else { throw Self.strangeToken }
            return token
        }
        let filter = try Filter(call.filters)
        let page = Page(
            after: token?.key,
            limit: limit ?? PageToken.limitDefault,
            list: PageToken.list(path: call.path, filter: filter, order: call.parameters[.order]),
            projection: try call.projection()
        )
        // One more than the page has, to know whether it is the last.
        let order = try order(call, countMaximum: page.limit + 1)
        guard let token else { return .reply(try list(call, page, filter, order, network: network)) }
        guard token.list == page.list else { throw Self.strangeToken }
        guard token.revision != network.revision || token.epoch != network.epoch else {
            return .reply(try list(call, page, filter, order, network: network))
        }
        guard token.epoch == network.epoch, token.revision < network.revision else { throw expired(token) }
        return call.context.ask(.network(revision: token.revision)) { answer throws(Problem) in
            guard case .network(let earlier?) = answer else { throw expired(token) }
            return .reply(try list(call, page, filter, order, network: earlier))
        }
    }

    private func order(_ call: Call, countMaximum: Int) throws(Problem) -> ListOrder {
        guard let text = call.parameters[.order] else { return ListOrder() }
        guard let order = ListOrder(text, countMaximum: countMaximum) else {
            throw Problem(
                .invalidParameter,
                "order is one of \(ListOrder.forms.joined(separator: ", ")), not \(quoted(text))."
            )
        }
        return order
    }

    static let strangeToken = Problem(
        .invalidParameter,
        "page_token is not from a page of this list with these filters in this order."
    )

    private func expired(_ token: PageToken) -> Problem {
        Problem(
            .pageExpired,
            "The pages at revision \(token.revision) are no longer kept; start again without page_token."
        )
    }

    private func list(
        _ call: Call,
        _ page: Page,
        _ filter: Filter,
        _ order: ListOrder,
        network: Network
    ) throws(Problem) -> Reply {
        let collection = try collection(call, filter, order, network: network)
        guard page.after.map(collection.isKey) ?? true else { throw Self.strangeToken }
        switch call.conditions.outcome(ofReading: network.revision) {
        case .whole: break
        case .notModified: return Reply(.notModified).tagged(network.revision).stamped(network)
        case .failed: throw Problem(Refusal(.preconditionFailed, "The list is at revision \(network.revision)."))
        }
        let body = page.body(of: collection, epoch: network.epoch, revision: network.revision)
        return Reply(.ok, body, type: "application/json").tagged(network.revision).stamped(network)
    }
}
