import Datapath
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

extension API {
    /// Bytes that a trace counts for while it waits for the thread that makes it, which compiles tables of up to 32,767
    /// ports: so many wait on one loop that all are answered within seconds.
    public static let traceByteCount = 1 << 20

    /// True for a request that takes long however short its content is.
    public func takesLong(_ request: HTTPRequest) -> Bool {
        guard request.method == .post, plane == .northbound else { return false }
        return request.path.flatMap(Target.init)?.path == ["v1", "trace"]
    }

    /// The way of a frame through the network.
    func trace(_ call: Call, network: Network) throws(Problem) -> Reply {
        let input: TraceInput
        let bytes: [UInt8]?
        do throws(Refusal) {
            input = try TraceInput(call.content, in: network.northbound)
            bytes = try input.frame().bytes
        } catch { throw Problem(error) }
        guard let bytes, let port = network.southbound.portBinding(input.port.id),
            let tracer = Tracer(network.southbound, switch: input.port.value.switchID)
        else { throw unexpected }
        let status = input.port.value.status
        let parent = input.parent.map { [(name: "parent", value: JSONValue.string($0))] } ?? []
        let asked: [(name: String, value: JSONValue)] = [
            ("switch", .string(input.switchName)), ("inport", .string(input.port.value.name)),
            ("chassis", port.locations.first.map { .string($0.chassis) } ?? .null), ("up", .bool(status.isUp)),
            ("reason", status.reason.map { .string($0.rawValue) } ?? .null),
        ]
        let outcome = tracer.trace(bytes, from: port)
        let delivered = outcome.first { $0.name == "delivered_to" }?.value.arrayValue ?? []
        let copies = MirrorTrace(network.northbound, bytes)
            .copies(from: input.port, to: delivered.compactMap(\.stringValue))
        let report = JSONObject(distinct: asked + parent + outcome + [("copies", copies)])
        return Reply.json(.ok, JSONValue.object(report).bytes).stamped(network)
    }
}
