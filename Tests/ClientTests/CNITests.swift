import Client
import Foundation
import JSON
import Testing
import Wire

/// Calls of a container runtime that are wrong; those that are right are in the system's tests.
@Suite struct CNITests {
    private let environment = [
        "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/run/netns/c1",
        "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=web;IP=10.1.2.3/24;MAC=02:00:00:00:00:01",
    ]

    private func request(
        _ text: String,
        _ command: CNIRequest.Command = .add,
        changing changes: [String: String] = [:]
    ) throws(CNIError) -> CNIRequest {
        let environment = environment.merging(changes) { $1 }
        return try CNIRequest(
            command,
            environment: { name in environment[name].flatMap { $0.isEmpty ? nil : $0 } },
            input: Array(text.utf8)
        )
    }

    /// The files of the fuzz target's corpus.
    private func corpus(file: String = #filePath) throws -> [[UInt8]] {
        let folder = URL(filePath: file).deletingLastPathComponent().appending(path: "../Fuzz/Corpus/CNIRequest")
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
    }

    private func code(_ text: String, changing changes: [String: String] = [:]) -> CNIError.Code? {
        do throws(CNIError) {
            _ = try request(text, changing: changes)
            return nil
        } catch {
            return error.code
        }
    }

    private let plain = #"{"cniVersion":"1.0.0","name":"n","type":"heddle","switch":"ls1"}"#

    @Test func `wishes come from the configuration and from the arguments`() throws {
        let request = try request(plain)
        #expect(request.attachment == CNIConfiguration.Attachment(containerID: "c1", interface: "eth0"))
        #expect(request.configuration.addresses.map { "\($0)" } == ["10.1.2.3/24"])
        #expect(request.configuration.mac?.description == "02:00:00:00:00:01")
        #expect(request.arguments["K8S_POD_NAME"] == "web")
        // A container that is gone has no namespace.
        _ = try self.request(plain, .delete, changing: ["CNI_NETNS": ""])
    }

    @Test func `each fault has the code of the specification`() {
        #expect(code(plain) == nil)
        #expect(code(#"{"name":"n"}"#) == .incompatibleVersion)
        #expect(code(#"{"cniVersion":"2.0.0","name":"n"}"#) == .incompatibleVersion)
        #expect(code(#"{"cniVersion":"1.0.0","name":"n","ipam":{"type":"dhcp"}}"#) == .unsupportedField)
        #expect(code("{") == .undecodableContent && code("[]") == .undecodableContent)
        #expect(code(#"{"cniVersion":"1.0.0"}"#) == .invalidConfiguration)
        for member in [
            #""switch":1"#, #""subnet":"x""#, #""gateway":"10.0.0.0/8""#, #""mtu":"1400""#, #""routes":{}"#,
            #""routes":[{"dst":"10.0.0.1/8"}]"#, #""routes":[7]"#, #""runtimeConfig":{"ips":["10.0.0.300"]}"#,
            #""runtimeConfig":{"mac":"01:00:00:00:00:01"}"#, #""cni.dev/valid-attachments":[{"ifname":"eth0"}]"#,
        ] {
            #expect(code(#"{"cniVersion":"1.0.0","name":"n","# + member + "}") == .invalidConfiguration, "\(member)")
        }
        for (name, value) in [
            ("CNI_CONTAINERID", ""), ("CNI_CONTAINERID", "-c"), ("CNI_CONTAINERID", "a b"), ("CNI_IFNAME", "a/b"),
            ("CNI_IFNAME", "a-name-that-is-too-long"), ("CNI_NETNS", "c1"), ("CNI_ARGS", "x"), ("CNI_ARGS", "IP=x"),
            ("CNI_ARGS", "MAC=x"),
        ] {
            #expect(code(plain, changing: [name: value]) == .invalidEnvironment, "\(name)=\(value)")
        }
    }

    @Test func `a configuration that is cut anywhere is an error`() throws {
        for bytes in try corpus() {
            let text = Array(bytes.drop { $0 != 0 }.dropFirst())
            for count in text.indices {
                #expect(throws: CNIError.self) {
                    try CNIRequest(.collect, environment: { _ in nil }, input: Array(text[..<count]))
                }
            }
            _ = CNIConfiguration.version(in: Array(bytes))
        }
    }

    @Test func `a failure of central or the agent says if it pays to try again`() throws {
        let away = ScriptedCaller { _ throws(ClientError) in
            throw .unreachable(.agent(socket: "/agent.sock"), reason: "gone", mayHaveActed: false)
        }
        let plugin = CNIPlugin(try request(plain, .delete), central: away, agent: away) { _ in }
        #expect(throws: CNIError.self) { try plugin.run() }
        do throws(CNIError) { _ = try plugin.run() } catch { #expect(error.code == .tryAgainLater) }
        let status = CNIPlugin(try request(plain, .status), central: away, agent: away) { _ in }
        do throws(CNIError) { _ = try status.run() } catch { #expect(error.code == .notAvailable) }
    }
}
