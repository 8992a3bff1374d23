import API
import CentralCore
import HTTPTypes
import NetworkModel

/// Any method, path, entity tags and body are carried out or refused: `METHOD PATH\nIF-MATCH\nBODY`.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAPIRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
    let line = String(decoding: parts.first ?? [], as: UTF8.self).split(separator: " ", maxSplits: 1)
    guard let method = line.first.flatMap({ HTTPRequest.Method(String($0)) }), line.count == 2 else { return 0 }
    var request = HTTPRequest(method: method, scheme: "http", authority: "a", path: String(line[1]))
    if parts.count > 1, !parts[1].isEmpty {
        request.headerFields[.ifMatch] = String(decoding: parts[1], as: UTF8.self)
        request.headerFields[.accept] = request.headerFields[.ifMatch]
    }
    request.headerFields[.contentType] = "application/json"
    let product = API.Product(store: "sqlite", parkedRequestMaximum: 1, eventStreamMaximum: 1)
    let network = Network(epoch: 1)
    for plane in Route.Plane.allCases {
        let api = API(
            plane: plane,
            contract: [],
            product: product,
            digest: { $0.flatMap { $0 } },
            statistics: { _ in Statistics(requests: .init(), appends: .init(), storeByteCount: 0, gauges: []) }
        )
        let body = parts.count > 2 ? Array(parts[2]) : []
        _ = api.verdict(on: request, network: network, peer: .anyone, now: 0, newRequestID: "r")
        let action = api.action(request, body: body, network: network, source: "s", isReady: true, newRequestID: "r")
        guard case .ask(let question, _) = action,
            var core = try? CentralCore(network: network, history: [], hashes: [], now: .zero)
        else { continue }
        var generator = SystemRandomNumberGenerator()
        _ = core.step(.asked(1, question), now: .zero, wallClock: 0, using: &generator)
    }
    return 0
}
