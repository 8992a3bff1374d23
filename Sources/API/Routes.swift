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
        ObjectKind.allCases.flatMap(objects) + transactions + topologies + log + chassis + tokens + southbound + feed
        + joining + probes

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
        problems: [Int] = []
    ) -> Route {
        Route(
            endpoint,
            .get,
            path,
            access: access,
            parameters: paging + [.fields] + filters,
            successes: [200, 304],
            problems: problems + [410, 503],
            isConditional: true
        )
    }

    private static func create(_ endpoint: Endpoint, _ path: String, problems: [Int] = []) -> Route {
        Route(
            endpoint,
            .post,
            path,
            parameters: writing,
            content: json,
            successes: [201, 202],
            problems: problems + [409, 422, 503],
            takesIdempotencyKey: true
        )
    }

    private static func get(_ endpoint: Endpoint, _ path: String) -> Route {
        Route(
            endpoint,
            .get,
            path,
            parameters: [.minRevision, .fields],
            successes: [200, 304],
            problems: [404, 503],
            isConditional: true
        )
    }

    private static func replace(_ endpoint: Endpoint, _ path: String) -> Route {
        Route(
            endpoint,
            .put,
            path,
            parameters: writing,
            content: json,
            successes: [200, 201, 202],
            problems: [404, 409, 422, 503],
            isConditional: true
        )
    }

    private static func patch(_ endpoint: Endpoint, _ path: String) -> Route {
        Route(
            endpoint,
            .patch,
            path,
            parameters: writing,
            content: patch,
            successes: [200, 202],
            problems: [404, 409, 422, 503],
            isConditional: true
        )
    }

    private static func delete(
        _ endpoint: Endpoint,
        _ path: String,
        access: Access? = nil,
        parameters: [Parameter] = [],
        problems: [Int] = []
    ) -> Route {
        Route(
            endpoint,
            .delete,
            path,
            access: access,
            parameters: parameters + writing,
            successes: [202, 204],
            problems: problems + [404, 503],
            isConditional: true
        )
    }

    private static func objects(_ kind: ObjectKind) -> [Route] {
        let (path, row) = (kind.names.path, kind.row)
        let own = row.filters.compactMap { Parameter(rawValue: $0) }
        let filters: [Parameter] = [.name, .owner, .label] + own
        let (parent, parentPath) = (row.parent?.field, row.parent?.kind.names.path)
        let parents = parent.flatMap { Parameter(rawValue: $0) }.map { [$0] } ?? []
        let hasDependents = ObjectKind.allCases.contains { $0.row.parent?.kind == kind }
        let below = parentPath.map { "\($0)/{ref}/\(kind.names.plural)" }.map { path in
            [
                list(.listBelow(kind), path, filters: filters, problems: [404]),
                create(.createBelow(kind), path, problems: [404]),
            ]
        }
        return (below ?? []) + [
            list(.list(kind), path, filters: filters + parents),
            create(.create(kind), path),
            get(.get(kind), "\(path)/{ref}"),
            replace(.replace(kind), "\(path)/{ref}"),
            patch(.patch(kind), "\(path)/{ref}"),
            delete(
                .delete(kind),
                "\(path)/{ref}",
                parameters: hasDependents ? [.ports] : [],
                problems: hasDependents ? [409] : []
            ),
        ]
    }

    private static let transactions = [
        Route(
            .transact,
            .post,
            "/v1/transactions",
            parameters: writing,
            content: bulk,
            successes: [200, 202],
            problems: [404, 409, 412, 422, 503],
            takesIdempotencyKey: true
        )
    ]

    private static let topologies = [
        list(.listTopologies, "/v1/topologies"),
        Route(
            .getTopology,
            .get,
            "/v1/topologies/{owner}",
            parameters: [.minRevision],
            successes: [200, 304],
            problems: [404, 503],
            isConditional: true
        ),
        Route(
            .applyTopology,
            .put,
            "/v1/topologies/{owner}",
            parameters: [.prune, .adopt, .ifRevision] + writing,
            content: bulk,
            successes: [200, 202],
            problems: [409, 422, 503],
            isConditional: true
        ),
    ]

    private static let log = [
        Route(
            .getChanges,
            .get,
            "/v1/changes",
            parameters: [.since, .epoch, .hash, .kinds, .wait],
            problems: [410, 503]
        ),
        Route(
            .getAudit,
            .get,
            "/v1/audit",
            access: .role(.admin),
            parameters: [.limit, .pageToken, .author],
            problems: [410, 503]
        ),
    ]

    private static let chassis = [
        list(.listChassis, "/v1/chassis", filters: [.name, .live]),
        get(.getChassis, "/v1/chassis/{ref}"),
        delete(.deleteChassis, "/v1/chassis/{ref}", access: .role(.admin)),
    ]

    private static let tokens = [
        list(.listTokens, "/v1/tokens", access: .role(.admin)),
        Route(
            .createToken,
            .post,
            "/v1/tokens",
            access: .role(.admin),
            parameters: [.dryRun],
            content: json,
            successes: [201],
            problems: [422, 503]
        ),
        Route(
            .getToken,
            .get,
            "/v1/tokens/{id}",
            access: .role(.admin),
            parameters: [.minRevision, .fields],
            successes: [200, 304],
            problems: [404, 503],
            isConditional: true
        ),
        Route(
            .deleteToken,
            .delete,
            "/v1/tokens/{id}",
            access: .role(.admin),
            parameters: [.dryRun],
            successes: [204],
            problems: [404, 503],
            isConditional: true
        ),
    ]

    private static let joining = [
        Route(
            .enrol,
            .post,
            "/v1/chassis/{name}/enrolment",
            on: [.southbound],
            access: .joining,
            content: json,
            successes: [201],
            problems: [422, 503]
        ),
        Route(
            .renewCertificate,
            .post,
            "/v1/chassis/{name}/certificate",
            on: [.southbound],
            access: .renewal,
            content: json,
            problems: [404, 422, 503]
        ),
    ]

    private static let southbound = [
        list(.listRecords(.chassis), "/v1/southbound/chassis", filters: [.name]),
        list(.listRecords(.datapathBinding), "/v1/southbound/datapath-bindings", filters: [.name]),
        list(.listRecords(.portBinding), "/v1/southbound/port-bindings", filters: [.logicalPort, .chassis]),
        list(.listMulticastGroups, "/v1/southbound/multicast-groups", filters: [.datapath]),
        Route(.getRealization, .get, "/v1/realization", parameters: [.revision, .wait], problems: [503]),
        Route(.trace, .post, "/v1/trace", access: .role(.viewer), content: json, problems: [422, 503]),
    ]

    private static let feed = [
        Route(
            .sync,
            .post,
            "/v1/chassis/{name}/sync",
            on: [.southbound],
            content: bulk,
            problems: [409, 410, 422, 503]
        ),
        Route(
            .readChanges,
            .get,
            "/v1/chassis/{name}/changes",
            on: [.southbound],
            parameters: [.since, .wait, .epoch, .hash, .page],
            problems: [404, 410, 503]
        ),
    ]

    private static let probes = [
        Route(.livez, .get, "/livez", on: [.northbound, .southbound], access: .anyone),
        Route(.readyz, .get, "/readyz", on: [.northbound, .southbound], access: .anyone, problems: [503]),
        Route(.version, .get, "/version", on: [.northbound, .southbound], access: .anyone),
        Route(.metrics, .get, "/metrics", access: .role(.metrics), problems: [503]),
        Route(.contract, .get, "/openapi.yaml", access: .anyone),
    ]
}
