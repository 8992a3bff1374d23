import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

extension API {
    /// Which chassis have a revision in their tables.
    func realization(_ call: Call, network: Network) throws(Problem) -> Action {
        let revision =
            try call.number(.revision, in: 0...network.revision, "a revision up to \(network.revision)")
            ?? network.revision
        let wait = try call.number(
            .wait,
            in: 0...Realization.waitMaximum,
            "a number of seconds from 0 to \(Realization.waitMaximum)"
        )
        return call.context.ask(.realization(revision: revision, wait: wait ?? 0)) { answer throws(Problem) in
            guard case .realization(let realization) = answer else { throw unexpected }
            return .reply(.json(.ok, realization.json.bytes))
        }
    }

    /// The paths of all collections and of what is asked by a POST, by their names.
    var indexDocument: JSONValue {
        var links = JSONObject()
        for route in routes where !route.path.contains("{") && route.path.hasPrefix(Self.root) {
            links[String(route.path.dropFirst(Self.root.count))] = .string(route.path)
        }
        return [
            "version": .string(Self.version), "api": "v1", "contract": "/openapi.yaml", "about": "/version",
            "links": .object(links),
        ]
    }

    private static let root = "/v1/"

    var versionDocument: JSONValue {
        [
            "version": .string(Self.version),
            "api": "v1",
            "store": .string(product.store),
            "limits": [
                "body_bytes": .integer(Int64(min(Routes.contentByteCountMaximum, product.http.bodyByteCountMaximum))),
                "bulk_body_bytes": .integer(Int64(product.http.bodyByteCountMaximum)),
                "transaction_ops": .integer(Int64(Limits.operationCountMaximum)),
                "topology_objects": .integer(Int64(Limits.topologyObjectCountMaximum)),
                "name_bytes": .integer(Int64(Limits.nameByteCountMaximum)),
                "labels": .integer(Int64(Limits.labelCountMaximum)),
                "ports_per_switch": .integer(Int64(Limits.portsPerSwitchMaximum)),
                "parked_requests_per_loop": .integer(Int64(product.parkedRequestMaximum)),
                "event_streams_per_loop": .integer(Int64(product.eventStreamMaximum)),
                "connections": .integer(Int64(product.http.connectionMaximum)),
                "connections_per_address": .integer(Int64(product.http.connectionsPerAddressMaximum)),
                "strangers_per_address": .integer(Int64(product.http.strangersPerAddressMaximum)),
                "requests_per_connection": .integer(Int64(product.http.requestMaximum)),
                "streams_per_connection": .integer(Int64(product.http.http2.streamMaximum)),
                "head_bytes": .integer(Int64(product.http.headByteCountMaximum)),
                "head_fields": .integer(Int64(product.http.fieldCountMaximum)),
                "idle_seconds": .integer(product.http.idleTime.components.seconds),
                "page_size_default": .integer(Int64(PageToken.limitDefault)),
                "page_size_maximum": .integer(Int64(PageToken.limitMaximum)),
            ],
        ]
    }
}
