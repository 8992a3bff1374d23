import Foundation
import Hummingbird
import Logging

/// HummingbirdPeer PORT FILE: answers `GET /v1/ports/{name}` with the bytes of a file.
@main
struct HummingbirdPeer {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = Int(arguments[1]) else { fatalError("usage: HummingbirdPeer PORT FILE") }
        let content = ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: arguments[2])))
        let router = Router()
        router.get("/v1/ports/:name") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: content)
            )
        }
        var logger = Logger(label: "peer")
        logger.logLevel = .error
        let configuration = ApplicationConfiguration(address: .hostname("127.0.0.1", port: port))
        try await Application(router: router, configuration: configuration, logger: logger).runService()
    }
}
