import HTTP
import HTTPTypes

/// A `GET /v1/ports/{name}/capture` at the agent's socket.
public struct CaptureRequest: Hashable, Sendable {
    /// The port's name on this host.
    public var port: String
    /// The most octets that are kept of a frame.
    public var snapByteCount: Int
    /// The frames after which the capture ends; `nil` for no such end.
    public var frameCountMaximum: Int?
    /// The octets of the file that it ends with; `nil` for no such end.
    public var byteCountMaximum: Int?
    /// The time after which it ends; `nil` for no such end.
    public var duration: Duration?

    /// The values of ``snapByteCount``: from an Ethernet header to more than any frame has.
    public static let snapRange = 14...65_553
    /// The values of limits of frames and octets.
    public static let countRange = 1...(1 << 50)
    /// The values of ``duration``, in seconds: up to a year.
    public static let secondsRange = 1...31_536_000

    public init(port: String) {
        self.port = port
        snapByteCount = Self.snapRange.upperBound
    }

    /// The request that a query stands for: `snap`, `count`, `bytes` and `seconds`, each once at most.
    /// - Throws: ``Problem`` naming the parameter and what would be right.
    public init(port: String, query: String) throws(Problem) {
        self.init(port: port)
        var given: Set<Substring> = []
        for part in query.split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = sides.first, given.insert(name).inserted else {
                throw Self.invalid("\(part) is given twice")
            }
            let text = sides.count > 1 ? sides[1] : ""
            switch name {
            case "snap": snapByteCount = try Self.number(text, name, Self.snapRange)
            case "count": frameCountMaximum = try Self.number(text, name, Self.countRange)
            case "bytes": byteCountMaximum = try Self.number(text, name, Self.countRange)
            case "seconds": duration = .seconds(try Self.number(text, name, Self.secondsRange))
            default: throw Self.invalid("there is no parameter \(name); there are snap, count, bytes and seconds")
            }
        }
    }

    /// The query of the request, for a client.
    public var query: String {
        var parts: [String] = []
        if snapByteCount != Self.snapRange.upperBound { parts.append("snap=\(snapByteCount)") }
        if let frameCountMaximum { parts.append("count=\(frameCountMaximum)") }
        if let byteCountMaximum { parts.append("bytes=\(byteCountMaximum)") }
        if let duration { parts.append("seconds=\(duration.components.seconds)") }
        return parts.joined(separator: "&")
    }

    private static func number(
        _ text: Substring,
        _ name: Substring,
        _ range: ClosedRange<Int>
    ) throws(Problem) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw invalid("\(name) takes \(range.lowerBound) to \(range.upperBound), and is \(text)")
        }
        return number
    }

    private static func invalid(_ detail: String) -> Problem {
        Problem(.badRequest, code: "invalid_parameter", detail: "Of a capture: \(detail).")
    }
}
