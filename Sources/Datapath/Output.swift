/// One thing to do with a frame, and how its headers are changed for that.
public struct Output: BitwiseCopyable, Sendable {
    /// The thing to do: `local`, `remote` or `refused`.
    public let action: FlowAction
    public let edit: Edit
}

/// A few outputs.
struct OutputList: BitwiseCopyable {
    private var outputs: InlineArray<4, Output>
    private(set) var count = 0

    /// Outputs of one list: more are taken as they come.
    static var countMaximum: Int { 4 }

    init() {
        outputs = InlineArray(repeating: Output(action: .pipeline, edit: Edit()))
    }

    /// 0 ..< `count`.
    subscript(index: Int) -> Output { outputs[index] }

    /// Adds an output if there is room.
    mutating func append(_ output: Output) {
        guard count < Self.countMaximum else { return }
        outputs[count] = output
        count &+= 1
    }
}
