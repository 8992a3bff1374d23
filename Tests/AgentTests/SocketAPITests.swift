import AgentCore
import HTTP
import HTTPTypes
import Testing
import Wire

@testable import Agent

@Suite struct SocketAPITests {
    private func refusal(_ method: HTTPRequest.Method, _ target: String, _ body: String = "") -> String? {
        do throws(Problem) {
            _ = try SocketAPI.call(method: method, target: target, body: Array(body.utf8))
            return nil
        } catch {
            return "\(error.status.code) \(error.code)"
        }
    }

    @Test func everyRouteIsKnown() throws {
        guard
            case .event(let add) = try SocketAPI.call(
                method: .put,
                target: "/v1/ports/vm%3A1",
                body: Array(#"{"logical_port":"p","interface":"vm1"}"#.utf8)
            ), case .portAdd(7, let request) = add(7)
        else {
            Issue.record("PUT plugs a port")
            return
        }
        #expect(request.specification.name == "vm:1")
        #expect(refusal(.delete, "/v1/ports/vm1") == nil)
        #expect(refusal(.get, "/v1/ports") == nil)
        #expect(refusal(.get, "/v1/ports?stats=true") == nil)
        #expect(refusal(.get, "/v1/status") == nil)
        guard
            case .event(let capture) = try SocketAPI.call(
                method: .get,
                target: "/v1/ports/vm1/capture?count=3",
                body: []
            ), case .capture(8, let wanted) = capture(8)
        else {
            Issue.record("GET captures")
            return
        }
        #expect(wanted.port == "vm1" && wanted.frameCountMaximum == 3)
        let target = "/v1/macs?switch=a%2Fb&mac=02:00:00:00:00:01"
        guard case .forget(let filter) = try SocketAPI.call(method: .delete, target: target, body: []),
            filter == LearntMACFilter(switchName: "a/b", mac: MACAddress(truncating: 0x02_0000_0000_01))
        else {
            Issue.record("DELETE forgets")
            return
        }
        guard case .stop(all: true) = try SocketAPI.call(method: .post, target: "/v1/stop?all=true", body: []) else {
            Issue.record("POST stops")
            return
        }
    }

    @Test func whatIsNotKnownIsRefused() {
        #expect(refusal(.get, "/") == "404 not_found")
        #expect(refusal(.post, "/v1/ports") == "404 not_found")
        #expect(refusal(.get, "/v1/ports?limit=3") == "400 unknown_parameter")
        #expect(refusal(.get, "/v1/ports/vm1/capture?limit=3") == "400 invalid_parameter")
        #expect(refusal(.get, "/v1/macs?mac=1") == "400 invalid_parameter")
        #expect(refusal(.get, "/v1/macs?switch") == "400 invalid_parameter")
        #expect(refusal(.delete, "/v1/macs?all=true") == "400 unknown_parameter")
        #expect(refusal(.put, "/v1/ports/vm%zz", "{}") == "400 malformed_path")
        #expect(refusal(.put, "/v1/ports/vm%ff", "{}") == "400 malformed_path")
        #expect(refusal(.put, "/v1/ports/vm1", "{") == "400 malformed_json")
        #expect(refusal(.put, "/v1/ports/", "{}") == "422 invalid_name")
    }

    @Test func aNameSurvivesItsWayThroughAPath() {
        for name in ["vm1", "a:b@c", "ü/ %?#", ""] {
            #expect(percentDecoded(Array(percentEncoded(name).utf8)[...]) == name)
        }
        #expect(percentDecoded(Array("%4".utf8)[...]) == nil)
    }
}
