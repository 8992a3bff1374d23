import JSON
import Wire

/// The plan of `heddle apply` in the manner of diff tools.
struct TopologyChange {
    private let plan: [JSONValue]
    private let unchangedCount: Int64
    /// The revision of the topology: after the change, or before it if nothing was changed.
    let revision: Int64

    /// Reads central's answer to a topology.
    init?(_ answer: JSONValue?) {
        guard let answer, let plan = answer["plan"]?.arrayValue, let revision = answer["revision"]?.integerValue else {
            return nil
        }
        self.plan = plan
        self.revision = revision
        unchangedCount = answer["unchanged"]?.integerValue ?? 0
    }

    var changesAnything: Bool { !plan.isEmpty }
    var deletionCount: Int { plan.count { $0.text("op") == "delete" } }

    /// The most objects that are listed unless all are asked for: what a person reads.
    static let listedCountMaximum = 100

    /// A line for each object, and below it one for each field that changes.
    func text(isFull: Bool) -> String {
        var text = ""
        let listed = isFull ? plan.count : Self.listedCountMaximum
        for step in plan.prefix(listed) {
            let kind = (try? ShownKind(parsing: step.text("kind")))?.singular ?? step.text("kind")
            let mark =
                switch step.text("op") {
                case "create": "+"
                case "delete": "-"
                default: "~"
                }
            text += "\(mark) \(kind) \(step.text("name"))\n"
            for change in step["changes"]?.arrayValue ?? [] {
                let (from, to) = (change["from"] ?? .null, change["to"] ?? .null)
                text += "    \(change.text("field")): \(from.text.printableDocument) -> \(to.text.printableDocument)\n"
            }
        }
        if plan.count > listed { text += "... and \(plan.count - listed) more objects, which --full lists\n" }
        return text
    }

    /// The number of changes of each sort: `2 to create, ...` or `2 created, ...`.
    func summary(isDone: Bool) -> String {
        let words = isDone ? ["created", "changed", "deleted"] : ["to create", "to change", "to delete"]
        let counts = zip(["create", "update", "delete"], words).compactMap { operation, word in
            let count = plan.count { $0.text("op") == operation }
            return count == 0 ? nil : "\(count) \(word)"
        }
        return ((counts.isEmpty ? ["nothing \(words[1])"] : counts) + ["\(unchangedCount) unchanged"])
            .joined(separator: ", ")
    }
}
