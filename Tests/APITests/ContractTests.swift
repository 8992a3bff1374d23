import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound
import Testing

@testable import API

/// openapi.yaml describes exactly what is served.
@Suite struct ContractTests {
    private let contract: Contract

    init() throws { contract = try Contract() }

    @Test func `The paths and methods are those of the table of routes`() {
        let served = Set(Routes.all.map { "\($0.method.rawValue) \($0.path)" })
        var described: Set<String> = []
        for (path, item) in contract.root["paths"]?.objectValue?.members.map({ ($0.name, $0.value) }) ?? [] {
            for method in ["get", "post", "put", "patch", "delete", "head", "options"] where item[method] != nil {
                described.insert("\(method.uppercased()) \(path)")
            }
        }
        #expect(described == served)
        #expect(Routes.all.count == Set(Routes.all.map(\.endpoint)).count)
    }

    @Test(arguments: Routes.all.map(\.endpoint))
    func `Each operation has the route's id, parameters, media types and status codes`(endpoint: Endpoint) throws {
        let route = try #require(Routes.all.first { $0.endpoint == endpoint })
        let method = route.method.rawValue
        let operation = try #require(contract.operation(method, route.path))
        #expect(operation["operationId"] == .string(endpoint.operationID))
        #expect(
            contract.parameters(method, route.path, in: "query") == Set(route.parameters.map(\.rawValue))
        )
        var conditions: Set<String> = route.isConditional ? ["If-Match", "If-None-Match"] : []
        if endpoint == .getChanges { conditions.insert("Last-Event-ID") }
        if route.takesIdempotencyKey { conditions.insert("Idempotency-Key") }
        #expect(contract.parameters(method, route.path, in: "header") == conditions)
        let variables = route.segments.compactMap { if case .variable(let name) = $0 { name } else { nil } }
        #expect(contract.parameters(method, route.path, in: "path") == Set(variables))
        let security = operation["security"].map { $0.arrayValue?.map(\.text) ?? [] }
        switch route.access {
        case .anyone, .joining: #expect(security == [])
        case .role(let role): #expect(security == ["{\"bearer\":[\"\(role.rawValue)\"]}"])
        case .chassis, .renewal: #expect(security == ["{\"chassis\":[]}"])
        }
        let content = operation["requestBody"].map(contract.resolve)?["content"]?.objectValue?.members.map(\.name)
        #expect(Set(content ?? []) == Set(route.content?.mediaTypes ?? []))
        let statuses = operation["responses"]?.objectValue?.members.map(\.name) ?? []
        #expect(Set(statuses) == Set(route.successes.union(route.problems).map(String.init)))
    }

    @Test(arguments: Routes.all.map(\.endpoint))
    func `Each path names the ports that serve it`(endpoint: Endpoint) throws {
        let route = try #require(Routes.all.first { $0.endpoint == endpoint })
        let servers = contract.root["paths"]?[route.path]?["servers"] ?? contract.root["servers"]
        let urls = (servers?.arrayValue ?? []).compactMap { $0["url"]?.stringValue }
        let ports = route.planes.map { $0 == .northbound ? "http://127.0.0.1:6641" : "http://127.0.0.1:6642" }
        #expect(urls == ports)
    }

    @Test(arguments: Routes.all.filter { !$0.objectMembers.isEmpty }.map(\.endpoint))
    func `The members that fields may name are those of the schema`(endpoint: Endpoint) throws {
        let route = try #require(Routes.all.first { $0.endpoint == endpoint })
        var schema = contract.response(route.method.rawValue, route.path, 200)?["content"]?["application/json"]?[
            "schema"
        ]
        schema = schema.map(contract.resolve)
        if let items = schema?["properties"]?["items"]?["items"] { schema = items }
        schema = schema?["anyOf"]?.arrayValue?.first.map(contract.resolve)
        let members = schema?["properties"]?.objectValue?.members.map(\.name) ?? []
        #expect(Set(members) == Set(route.objectMembers))
    }

    @Test(arguments: ObjectKind.allCases)
    func `The schemas of a kind have its fields, with their types and defaults`(kind: ObjectKind) throws {
        let row = kind.row
        let name = kind.names.singular.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        let (input, object) = (contract.properties(of: name + "Input"), contract.properties(of: name))
        let (replacement, patch) = (
            contract.properties(of: name + "Replacement"), contract.properties(of: name + "Patch")
        )
        for properties in [input, object, replacement, patch] {
            #expect(Set(properties.members.map(\.name)) == Set(row.members))
        }
        let needed = contract.required(of: name + "Replacement")
        #expect(contract.required(of: name + "Input") == needed.union(["name"]))
        // Defaults that need not be told.
        let empties: [String: JSONValue] = ["string": "", "array": [], "object": [:]]
        for field in row.fields {
            let place: Comment = "\(name).\(field.name)"
            let isNeeded = needed.contains(field.name)
            let types: Set<String> = field.blank == .null && !isNeeded ? [field.type, "null"] : [field.type]
            // A member that is left out while it has its default is never null.
            #expect(contract.types(of: object[field.name]).union(types) == types, place)
            #expect(contract.types(of: patch[field.name]) == (isNeeded ? [field.type] : [field.type, "null"]), place)
            for properties in [input, replacement] {
                let schema = try #require(properties[field.name], place)
                #expect(contract.types(of: schema) == types, place)
                let told = contract.resolve(schema)["default"]
                let empty = types.contains("null") ? .null : empties[field.type]
                #expect(field.isMutable && !isNeeded ? told ?? empty == field.blank : told == nil, place)
            }
        }
        let status = object["status"].map(contract.resolve)?["properties"]?.objectValue ?? JSONObject()
        #expect(Set(status.members.map(\.name)) == Set(row.statusMembers))
    }

    @Test func `The codes of problems are all listed`() {
        let listed = contract.root["components"]?["schemas"]?["Problem"]?["properties"]?["code"]?["enum"]?.arrayValue
        let framing = [
            "body_too_large", "target_too_long", "head_too_large", "http_version_not_supported", "not_implemented",
            "malformed_request", "request_timeout", "expectation_failed", "too_many_connections", "too_many_attempts",
            "unsupported_content_coding", "malformed_content", "not_acceptable",
        ]
        let codes = Refusal.Code.allCases.map(\.rawValue) + Problem.Code.allCases.map(\.rawValue) + framing
        #expect(Set(listed?.compactMap(\.stringValue) ?? []) == Set(codes))
    }

    @Test func `The limits are those that are enforced`() {
        let parameters = contract.root["components"]?["parameters"]
        #expect(parameters?["limit"]?["schema"]?["maximum"] == .integer(Int64(PageToken.limitMaximum)))
        #expect(parameters?["limit"]?["schema"]?["default"] == .integer(Int64(PageToken.limitDefault)))
        let wait = contract.operation("get", "/v1/realization")?["parameters"]?.arrayValue?.last
        #expect(wait?["schema"]?["maximum"] == .integer(Int64(Realization.waitMaximum)))
        #expect(parameters?["wait"]?["schema"]?["maximum"] == .integer(Int64(Realization.waitMaximum)))
        let key = parameters?["Idempotency-Key"]?["schema"]?["maxLength"]
        #expect(key == .integer(Int64(API.idempotencyKeyByteCountMaximum)))
        let transaction = contract.root["components"]?["schemas"]?["Transaction"]?["properties"]
        #expect(transaction?["ops"]?["maxItems"] == .integer(Int64(Limits.operationCountMaximum)))
    }
}
