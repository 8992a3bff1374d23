import FlyingFox
import FlyingSocks
import Foundation

/// FlyingFoxPeer PORT FILE: answers `GET /v1/ports/{name}` with the bytes of a file.
@main
struct FlyingFoxPeer {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = UInt16(arguments[1]) else {
            fatalError("usage: FlyingFoxPeer PORT FILE")
        }
        let content = try Data(contentsOf: URL(fileURLWithPath: arguments[2]))
        let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: port), logger: .disabled)
        await server.appendRoute("GET /v1/ports/*") { _ in
            HTTPResponse(statusCode: .ok, headers: [.contentType: "application/json"], body: content)
        }
        try await server.run()
    }
}
