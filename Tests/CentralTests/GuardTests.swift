import Foundation
import HTTPTransport
import HTTPTypes
import JSON
import Security
import Testing

/// Access to a running central: over the socket, over loopback, over TLS.
@Suite struct GuardTests {
    private func token(_ role: String, _ folder: DataFolder) throws -> String {
        let local = try BlockingClient(.unix(path: folder.path + "/northbound.sock"))
        let answer = try local.send("POST", "/v1/tokens", ["role": .string(role)])
        #expect(answer.status == 201 && answer.json["created_by"] == .string("user/\(geteuid())"))
        return try #require(answer.json["token"]?.stringValue)
    }

    private func trust(_ folder: DataFolder) throws -> TLSContext {
        let pem = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/ca.crt")))
        return try .client(trusting: .authorities(pem: pem))
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func `With TLS a token is needed, and root's socket makes it`() throws {
        let folder = DataFolder()
        let central = try CentralProcess(folder, ["--tls"])
        #expect(central.readyLine.contains("northbound https://127.0.0.1:"))
        #expect(try mode(folder.path + "/ca.key") == 0o600 && mode(folder.path + "/northbound.sock") == 0o600)
        let client = try BlockingClient(central.northbound, tls: try trust(folder))
        let refused = try client.send("GET", "/v1/switches")
        #expect(refused.status == 401 && refused["WWW-Authenticate"] == "Bearer realm=\"heddle\"")
        #expect(try client.send("GET", "/livez").status == 200)
        let editor = [HTTPField(name: .authorization, value: "Bearer \(try token("editor", folder))")]
        #expect(try client.send("POST", "/v1/switches", ["name": "ls1"], fields: editor).status == 201)
        #expect(try client.send("GET", "/v1/tokens", fields: editor).status == 403)
        let agents = try BlockingClient(central.southbound, tls: try trust(folder))
        #expect(try agents.send("GET", "/v1/chassis/hv1/changes").status == 403)
        // Tokens, and the authority, outlast a restart.
        #expect(central.end() == 0)
        let second = try CentralProcess(folder, ["--tls"])
        let later = try BlockingClient(second.northbound, tls: try trust(folder))
        #expect(try later.send("GET", "/v1/switches/ls1", fields: editor).status == 200)
    }

    @Test func `Loopback is open, but not to a page of a stranger`() throws {
        let folder = DataFolder()
        let central = try CentralProcess(folder)
        let client = try BlockingClient(central.northbound)
        #expect(try client.send("GET", "/v1/switches").status == 200)
        #expect(try client.send("GET", "/v1/switches", authority: "evil.example").status == 421)
        #expect(try client.send("GET", "/v1/switches", authority: "localhost:6641").status == 200)
        let viewer = [HTTPField(name: .authorization, value: "Bearer \(try token("viewer", folder))")]
        #expect(try client.send("POST", "/v1/switches", ["name": "ls1"], fields: viewer).status == 403)
    }
}
