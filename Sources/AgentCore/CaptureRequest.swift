import HTTP
import HTTPTypes
import Match

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
    /// The frames that are captured; `nil` for all. `inport` is the logical port for frames that the guest has sent,
    /// `outport` for those that it is given; the other one is unknown.
    public private(set) var filter: MatchExpression?

    /// The values of ``snapByteCount``: from an Ethernet header to more than any frame has.
    public static let snapRange = 14...65_553
    /// The values of limits of frames and octets.
    public static let countRange = 1...(1 << 50)
    /// The values of ``duration``, in seconds: up to a year.
    public static let secondsRange = 1...31_536_000
    /// The greatest weight of a filter: a frame costs the agent some microseconds at most, and one look at the ring
    /// (`Captures`), which has some thousands of them, no more than the time until the next.
    public static let filterWeightMaximum = 128
    /// The octets of a frame that a filter looks at: IPv6 with some extension headers and what follows.
    static let filteredByteCount = 512

    public init(port: String) {
        self.port = port
        snapByteCount = Self.snapRange.upperBound
    }

    /// The octets that have to be taken of a frame: the filter may look at more than is kept.
    public var takenByteCount: Int { max(snapByteCount, filter == nil ? 0 : Self.filteredByteCount) }

    /// Makes the text the filter.
    /// - Throws: ``Problem`` naming the place, and the word that was expected there.
    public mutating func setFilter(_ text: String) throws(Problem) {
        let filter: MatchExpression
        do {
            filter = try MatchExpression(text)
        } catch {
            throw Self.invalid("in the filter, \(error)")
        }
        guard filter.references.addressSets.isEmpty, filter.references.portGroups.isEmpty else {
            throw Self.invalid("a host knows no address sets and port groups by name; write their members in braces")
        }
        guard filter.weight <= Self.filterWeightMaximum else {
            throw Self.invalid(
                "a filter has at most \(Self.filterWeightMaximum) tests and constants, and all that they presuppose"
            )
        }
        self.filter = filter
    }

    /// The request that a query stands for: `snap`, `count`, `bytes`, `seconds` and `filter`, each once at most.
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
            case "filter":
                guard let text = percentDecoded(Array(text.utf8)[...]) else {
                    throw Self.invalid("filter is not percent-encoded UTF-8")
                }
                try setFilter(text)
            case "seconds": duration = .seconds(try Self.number(text, name, Self.secondsRange))
            default:
                throw Self.invalid("there is no parameter \(name); there are snap, count, bytes, seconds and filter")
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
        if let filter { parts.append("filter=\(percentEncoded(filter.description))") }
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
