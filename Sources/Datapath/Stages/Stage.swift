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
    case answer(byteCount: Int)
    /// The frame goes to `Context.destinations`.
    case output
}

/// A list of stages.
protocol StageList {
    /// Asks the stages in order until one does not pass the frame on.
    /// - Returns: whether all have.
    static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool
}

/// A visitor of a list's stages.
protocol StageWalk {
    /// Visits a stage.
    /// - Returns: whether the next one is visited.
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

/// A frame on its way through a list of stages.
struct FrameWalk<Recorder: StepRecorder>: StageWalk {
    var context: Context
    let tables: Tables
    var recorder: Recorder
    /// The decision that ended the way.
    private(set) var end = Step.next

    init(_ context: Context, _ tables: Tables, _ recorder: Recorder) {
        self.context = context
        self.tables = tables
        self.recorder = recorder
    }

    @inline(__always)
    mutating func passes<Visited: Stage>(_ stage: Visited.Type) -> Bool {
        end = stage.decide(&context, tables)
        recorder.record(stage, end, context, tables)
        if case .next = end { return true }
        return false
    }
}
