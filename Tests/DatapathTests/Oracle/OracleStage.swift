import Match
import Southbound
import Testing

@testable import Datapath

/// The plain twin of a stage, which is an extension of it: so that a stage without one is found.
protocol OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep
}

/// The decision of a twin.
enum OracleStep {
    case next
    case drop(DropReason)
    case answer([UInt8])
    /// The next stage decides about this frame.
    case rewrite(OracleFrame)
    /// To these ports, by the key of one or of a group of them.
    case output([PortBinding], key: UInt16)
    /// A report: to these ports of this host, and to the other hosts of those.
    case reports([PortBinding], to: [PortBinding])
}

/// The state that a twin decides by.
struct OracleContext {
    let records: OracleRecords
    var frame: OracleFrame
    /// The frame as it came.
    let arrived: OracleFrame
    /// The port that the frame came from, and its switch.
    var port: PortBinding
    var datapath: DatapathBinding
    /// Of a frame from a tunnel: the key of the port or group that it goes to.
    var tunnelKey: UInt16?
    /// In egress: the port that the frame goes to.
    var destination: PortBinding?
    /// The MACs that were learnt, if any are.
    var learnt: OracleLearntMACs?
    /// The connections that were seen, and the time; without, each frame is the first.
    var connections: OracleConnections?

    init(
        _ records: OracleRecords,
        _ frame: OracleFrame,
        from port: PortBinding,
        in datapath: DatapathBinding,
        learnt: OracleLearntMACs?
    ) {
        self.learnt = learnt
        self.records = records
        self.frame = frame
        arrived = frame
        self.port = port
        self.datapath = datapath
    }

    /// An ACL's match; `nil` if it cannot be read.
    func expression(_ match: String) -> MatchExpression? {
        guard let connections else { return try? MatchExpression(match) }
        return connections.expression(match)
    }

    /// The ports of the switch by key.
    var ports: [PortBinding] { records.ports(of: datapath) }
}

/// Asks the twins of a list's stages.
struct OracleWalk: StageWalk {
    private(set) var context: OracleContext
    private(set) var end = OracleStep.next

    init(_ context: OracleContext) { self.context = context }

    mutating func passes<Visited: Stage>(_ stage: Visited.Type) -> Bool {
        guard let twin = stage as? any OracleStage.Type else {
            Issue.record("\(stage) has no twin")
            return false
        }
        end = twin.decide(context)
        if case .rewrite(let frame) = end {
            context.frame = frame
            end = .next
        }
        if case .next = end { return true }
        return false
    }
}
