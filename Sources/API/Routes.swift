import HTTPTypes
import NetworkModel
import Southbound

/// Everything that central serves, as one table.
public enum Routes {
    /// The most bytes of a request's content; those of ``bulkContentByteCountMaximum`` aside: 1 MiB is room for the
    /// largest port by far, and what 10,000 connections may make central hold stays bounded.
    public static let contentByteCountMaximum = 1 << 20
    /// The most bytes of a transaction or a sync: 16 MiB, as much as one commit may encode to.
    public static let bulkContentByteCountMaximum = 16 << 20

    /// Every route, in the order of openapi.yaml.
    public static let all: [Route] =
        ObjectKind.allCases.flatMap(objects) + migrations + transactions + topologies + log + chassis + reports + tokens
        + southbound + feed + joining + identity + index + probes + console

    private static let json = Route.Content(
        mediaTypes: ["application/json"],
        byteCountMaximum: contentByteCountMaximum
    )
    private static let bulk = Route.Content(
        mediaTypes: ["application/json"],
        byteCountMaximum: bulkContentByteCountMaximum
    )
    private static let patch = Route.Content(
        mediaTypes: ["application/merge-patch+json", "application/json"],
        byteCountMaximum: contentByteCountMaximum
    )
    private static let paging: [Parameter] = [.limit, .pageToken, .minRevision]
    private static let writing: [Parameter] = [.dryRun, .until, .wait]
    private static func list(
        _ endpoint: Endpoint,
        _ path: String,
        access: Access? = nil,
        filters: [Parameter] = [],
        isOrdered: Bool = false
    ) -> Route {
        let parameters = paging + [.fields] + (isOrdered ? [.order] : []) + filters
        return Route(endpoint, .get, path, access: access, parameters: parameters, isConditional: true)
    }

    private static func create(_ endpoint: Endpoint, _ path: String) -> Route {
        Route(endpoint, .post, path, parameters: writing, content: json, takesIdempotencyKey: true)
    }

    private static func get(_ endpoint: Endpoint, _ path: String, access: Access? = nil) -> Route {
        Route(endpoint, .get, path, access: access, parameters: [.minRevision, .fields], isConditional: true)
    }

    private static func replace(_ endpoint: Endpoint, _ path: String) -> Route {
        Route(endpoint, .put, path, parameters: writing, content: json, isConditional: true)
    }

    private static func patch(_ endpoint: Endpoint, _ path: String) -> Route {
        Route(endpoint, .patch, path, parameters: writing, content: patch, isConditional: true)
    }

    private static func delete(
        _ endpoint: Endpoint,
        _ path: String,
        access: Access? = nil,
        parameters: [Parameter] = writing
    ) -> Route {
        Route(endpoint, .delete, path, access: access, parameters: parameters, isConditional: true)
    }

    private static func objects(_ kind: ObjectKind) -> [Route] {
        let (path, row) = (kind.names.path, kind.row)
        let own = row.filters.compactMap { Parameter(rawValue: $0) }
        let filters: [Parameter] = [.name, .owner, .label] + own
        let (parent, parentPath) = (row.parent?.field, row.parent?.kind.names.path)
        let parents = parent.flatMap { Parameter(rawValue: $0) }.map { [$0] } ?? []
        let hasDependents = ObjectKind.allCases.contains { $0.row.parent?.kind == kind }
        let below = parentPath.map { "\($0)/{ref}/\(kind.names.plural)" }.map { path in
            [list(.listBelow(kind), path, filters: filters, isOrdered: true), create(.createBelow(kind), path)]
        }
        let sparing: [Parameter] = hasDependents ? [.ports] : []
        let deleting = hasDependents ? sparing + [.confirmDeletes] : []
        let selecting = filters + parents + sparing + [.confirmDeletes] + writing
        return (below ?? []) + [
            list(.list(kind), path, filters: filters + parents, isOrdered: true),
            create(.create(kind), path),
            Route(.deleteSelected(kind), .delete, path, parameters: selecting),
            get(.get(kind), "\(path)/{ref}"),
            replace(.replace(kind), "\(path)/{ref}"),
            patch(.patch(kind), "\(path)/{ref}"),
            delete(.delete(kind), "\(path)/{ref}", parameters: deleting + writing),
        ]
    }

    private static let migrations: [Route] = {
        let path = "/v1/ports/{ref}/migration"
        return [
            Route(.migrate(.begin), .post, path, parameters: writing, content: json, takesIdempotencyKey: true),
            Route(.migrate(.read), .get, path, parameters: [.minRevision]),
            Route(.migrate(.complete), .post, "\(path)/complete", parameters: writing, takesIdempotencyKey: true),
            Route(.migrate(.abort), .post, "\(path)/abort", parameters: writing, takesIdempotencyKey: true),
        ]
    }()

    private static let transactions = [
        Route(
            .transact,
            .post,
            "/v1/transactions",
            parameters: [.confirmDeletes] + writing,
            content: bulk,
            takesIdempotencyKey: true
        )
    ]

    private static let topologies = [
        list(.listTopologies, "/v1/topologies"),
        Route(.getTopology, .get, "/v1/topologies/{owner}", parameters: [.minRevision], isConditional: true),
        Route(
            .applyTopology,
            .put,
            "/v1/topologies/{owner}",
            parameters: [.prune, .adopt, .ifRevision, .confirmDeletes] + writing,
            content: bulk,
            isConditional: true
        ),
        delete(.deleteTopology, "/v1/topologies/{owner}", parameters: [.ifRevision, .confirmDeletes] + writing),
    ]

    private static let log = [
        Route(.getChanges, .get, "/v1/changes", parameters: [.since, .epoch, .hash, .kinds, .wait]),
        Route(.getAudit, .get, "/v1/audit", parameters: [.limit, .pageToken, .author]),
    ]

    private static let chassis = [
        list(.listChassis, "/v1/chassis", filters: [.name, .live]),
        get(.getChassis, "/v1/chassis/{ref}"),
        delete(.deleteChassis, "/v1/chassis/{ref}", access: .role(.admin)),
    ]

    private static let reports = [
        Route(.portStatistics, .get, "/v1/ports/{ref}/statistics", parameters: [.minRevision]),
        Route(.hostReport(.statistics), .get, "/v1/chassis/{ref}/statistics"),
        Route(.hostReport(.macs), .get, "/v1/chassis/{ref}/macs", parameters: [.switch]),
        Route(.hostReport(.acls), .get, "/v1/chassis/{ref}/acls", parameters: [.switch]),
        Route(.hostReport(.status), .get, "/v1/chassis/{ref}/status"),
    ]

    private static let tokens = [
        list(.listTokens, "/v1/tokens", access: .role(.admin)),
        Route(.createToken, .post, "/v1/tokens", access: .role(.admin), parameters: [.dryRun], content: json),
        get(.getToken, "/v1/tokens/{id}", access: .role(.admin)),
        delete(.deleteToken, "/v1/tokens/{id}", access: .role(.admin), parameters: [.dryRun]),
    ]

    private static let identity = [Route(.identity, .get, "/v1/identity")]

    private static let index = [Route(.index, .get, "/v1", access: .anyone)]

    private static let console = [
        Route(.console, .get, "/", access: .anyone, isConditional: true),
        Route(.consoleFile, .get, "/console/{file}", access: .anyone, isConditional: true),
    ]

    private static let joining = [
        Route(
            .enrol,
            .post,
            "/v1/chassis/{name}/enrolment",
            on: [.southbound],
            access: .joining,
            content: json
        ),
        Route(
            .renewCertificate,
            .post,
            "/v1/chassis/{name}/certificate",
            on: [.southbound],
            access: .renewal,
            content: json
        ),
    ]

    private static let southbound = [
        list(.listRecords(.chassis), "/v1/southbound/chassis", filters: [.name]),
        list(.listRecords(.datapathBinding), "/v1/southbound/datapath-bindings", filters: [.name]),
        list(.listRecords(.portBinding), "/v1/southbound/port-bindings", filters: [.logicalPort, .chassis]),
        list(.listRecords(.dhcpResponder), "/v1/southbound/dhcp-responders", filters: []),
        list(.listRecords(.dnsResponder), "/v1/southbound/dns-responders", filters: []),
        list(.listRecords(.mirrorSession), "/v1/southbound/mirror-sessions", filters: []),
        list(.listMulticastGroups, "/v1/southbound/multicast-groups", filters: [.datapath]),
        Route(.getRealization, .get, "/v1/realization", parameters: [.revision, .wait]),
        Route(.trace, .post, "/v1/trace", access: .role(.viewer), content: json),
    ]

    private static let feed = [
        Route(.sync, .post, "/v1/chassis/{name}/sync", on: [.southbound], content: bulk),
        Route(
            .readChanges,
            .get,
            "/v1/chassis/{name}/changes",
            on: [.southbound],
            parameters: [.since, .wait, .epoch, .hash, .page]
        ),
        Route(.reply, .post, "/v1/chassis/{name}/replies", on: [.southbound], content: json),
    ]

    private static let probes = [
        Route(.livez, .get, "/livez", on: [.northbound, .southbound], access: .anyone),
        Route(.readyz, .get, "/readyz", on: [.northbound, .southbound], access: .anyone),
        Route(.version, .get, "/version", on: [.northbound, .southbound], access: .anyone),
        Route(.metrics, .get, "/metrics", access: .role(.metrics)),
        Route(.contract, .get, "/openapi.yaml", access: .anyone),
    ]
}
