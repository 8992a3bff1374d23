/// One step of the pipeline: a decision by the frame, the port that it came from and the tables.
///
/// A decision is made once for a flow and then replayed, so it may depend on nothing but what it reads through
/// `Context`, whose members note what was read, and on the tables.
protocol Stage {
    /// The name of OVN's table.
    static var name: StaticString { get }

    /// Decides on the frame of `context`.
    static func decide(_ context: inout Context, _ tables: Tables) -> Step
}

/// The decision of a stage.
enum Step {
    /// The next stage decides.
    case next
    /// The frame goes nowhere.
    case drop(DropReason)
    /// The frame is answered in the place of its destination; so many octets lie in `Context.reply`.
    case answer(AnswerKind, byteCount: Int)
    /// The frame goes to `Context.destinations`.
    case output
    /// The frame is changed, and the next stage decides on what it is then.
    case rewrite(Edit)
    /// The frame goes on in the datapath of this port, as what the port has sent: a router or a switch after it.
    case enter(UnsafePointer<PortRow>)
}

protocol StageList {
    /// Asks the stages in order until one does not pass the frame on.
    /// - Returns: `true` if all have.
    static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool
}

/// A visitor of a list's stages.
protocol StageWalk {
    /// Visits a stage.
    /// - Returns: `true` if the next one is visited.
    mutating func passes<Visited: Stage>(_ stage: Visited.Type) -> Bool
}

/// A listener to the decisions of stages.
protocol StepRecorder {
    mutating func record<Visited: Stage>(_ stage: Visited.Type, _ step: Step, _ context: Context, _ tables: Tables)
}

/// A listener that costs nothing.
struct NoRecorder: StepRecorder {
    @inline(__always)
    mutating func record<Visited: Stage>(_ stage: Visited.Type, _ step: Step, _ context: Context, _ tables: Tables) {}
}

/// A frame on its way through the stages.
struct FrameWalk<Recorder: StepRecorder>: StageWalk {
    var context: Context
    let tables: Tables
    var recorder: Recorder
    private(set) var end = Step.next

    /// Datapaths that a frame may visit. More means that it goes round in circles; a packet in the real networks that
    /// these stand for meets a handful of routers within one site.
    static var visitCountMaximum: Int { 8 }

    init(_ context: Context, _ tables: Tables, _ recorder: Recorder) {
        self.context = context
        self.tables = tables
        self.recorder = recorder
    }

    /// Goes through a list, then through another one for each datapath that the frame enters.
    mutating func run<First: StageList, Further: StageList>(_ first: First.Type, thenIn further: Further.Type) {
        _ = first.walk(&self)
        for _ in 1..<Self.visitCountMaximum {
            guard case .enter(let port) = end, let datapath = tables.datapath(of: port) else { break }
            context.enter(port, in: datapath)
            end = .next
            _ = further.walk(&self)
        }
        if case .enter = end { end = .drop(.hairpin) }
    }

    @inline(__always)
    mutating func passes<Visited: Stage>(_ stage: Visited.Type) -> Bool {
        end = stage.decide(&context, tables)
        recorder.record(stage, end, context, tables)
        switch end {
        case .next: return true
        case .rewrite(let edit):
            context.edit.append(edit)
            return true
        case .drop, .answer, .output, .enter: return false
        }
    }
}
