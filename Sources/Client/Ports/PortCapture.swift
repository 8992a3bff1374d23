import AgentCore
import Glibc
import HTTP

/// Carries `heddle port capture`: the frames of a port as the agent tells them, into a file or to a reader.
public struct PortCapture {
    private let connection: Connection
    private let request: CaptureRequest

    public init(connection: Connection, request: CaptureRequest) {
        self.connection = connection
        self.request = request
    }

    /// Captures until a limit is reached, a signal comes or nobody reads.
    /// - Parameters:
    ///   - signals: end the capture as a limit would.
    ///   - begun: called when every frame from now on is captured.
    ///   - output: takes whole blocks of a pcapng file; `false` if it cannot, with the cause in `errno`.
    /// - Returns: one sentence about what was captured.
    /// - Throws: ``ClientError`` if the agent refuses, ends before a limit, or the output fails.
    public func run(
        endedBy signals: [Int32],
        begun: () -> Void,
        output: ([UInt8]) -> Bool
    ) throws(ClientError) -> String {
        var blocks = PcapngBlocks()
        var failure: ClientError?
        var hasBegun = false
        let query = request.query
        let path = "/v1/ports/\(percentEncoded(request.port))/capture" + (query.isEmpty ? "" : "?\(query)")
        let isEnded = try connection.stream(path, endedBy: signals) { bytes in
            guard let whole = blocks.take(bytes) else {
                failure = .badAnswer(connection.server, "its answer is not pcapng")
                return false
            }
            if !hasBegun {
                hasBegun = true
                begun()
            }
            if output(whole) { return true }
            failure = .refused("cannot write the capture: \(String(cString: strerror(errno)))")
            return false
        }
        if let failure { throw failure }
        let summary = "\(blocks.frameCount) frames captured, \(blocks.missedCount) missed"
        guard !isEnded || blocks.isComplete else {
            throw .refused("the capture has ended early, as the forwarder or the agent has: \(summary)")
        }
        return summary
    }
}
