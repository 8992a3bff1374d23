import JSON
import Wire

/// The text of a trace: for each host its stages and what it does with the frame, then what became of it.
struct TraceText {
    private let report: JSONValue

    init(_ report: JSONValue) { self.report = report }

    var text: String {
        let inport = report.text("inport")
        let host = report["chassis"]?.stringValue == nil ? "no host" : report.text("chassis")
        let device = report["parent"]?.stringValue == nil ? "" : " (by its tag at \(report.text("parent")))"
        var text = "\(inport)\(device) on \(host), switch \(report.text("switch"))\n"
        if report["chassis"]?.stringValue != nil, report["up"] == .bool(false) {
            text += "\(inport) is not up (\(report.text("reason"))); its host may not have these tables yet\n"
        }
        for host in report["hosts"]?.arrayValue ?? [] {
            text += "\n\(host.text("chassis"))\n" + Self.steps(host["steps"]?.arrayValue ?? [])
            for output in host["outputs"]?.arrayValue ?? [] { text += "  -> \(Self.words(for: output))\n" }
        }
        if let count = report["omitted_host_count"]?.integerValue, count > 0 {
            text += "\n\(count) further hosts get the frame and are not shown\n"
        }
        return text + "\n" + outcome + copies
    }

    private var copies: String {
        let lines = (report["copies"]?.arrayValue ?? []).map { copy in
            let sink = copy.text("type") == "lport" ? copy.text("sink") : "\(copy.text("type")) \(copy.text("sink"))"
            let side = "what \(copy.text("port")) \(copy.text("direction") == "to-lport" ? "gets" : "sends")"
            let detail = copy["detail"]?.stringValue == nil ? "" : ": \(copy.text("detail"))"
            return copy["copied"]?.boolValue == true
                ? "copied to \(sink) (mirror \(copy.text("mirror")), \(side))\n"
                : "not copied to \(sink) (mirror \(copy.text("mirror")), \(side))\(detail)\n"
        }
        return lines.joined()
    }

    private static func steps(_ steps: [JSONValue]) -> String {
        let rows = steps.map { step in
            var decision = step.text("decision")
            if step["reason"] != nil { decision += ": \(step.text("reason"))" }
            if step["acl"] != nil { decision += " by \(step.text("acl"))" }
            if step["answer"] != nil { decision += ": \(step.text("answer"))" }
            if step["output"] != nil { decision += " to \(step.text("output"))" }
            if step["edit"] != nil { decision += ": \(step.text("edit"))" }
            if step["datapath"] != nil { decision += " datapath \(step.number("datapath"))" }
            return [step.text("stage"), step.text("port"), decision]
        }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return TextTable.text(of: rows.map { ["", $0[0], $0[1], $0[2]] }, widths: [0] + widths)
    }

    private static func words(for output: JSONValue) -> String {
        switch output.text("kind") {
        case "local": output.text("port")
        case "remote":
            "\(output.text("chassis")) at \(output.text("ip")) (VNI \(output.number("vni")), "
                + "keys \(output.number("ingress_key")) to \(output.number("egress_key")))"
        case "dropped": "dropped for \(output.text("port")): \(output.text("reason"))"
        case "answer":
            ["", "neighbor"].contains(output.text("answer"))
                ? "answer to the sender: it is at \(output.text("mac"))"
                : "answer to the sender: \(output.text("answer")) from \(output.text("mac"))"
        default: output.text("kind")
        }
    }

    private var outcome: String {
        var lines: [String] = []
        let ports = report.texts("delivered_to")
        if !ports.isEmpty { lines.append("delivered to \(ports.joined(separator: ", "))") }
        if report["answered"]?.boolValue == true { lines.append("answered") }
        if report["drop_reason"]?.stringValue != nil { lines.append("dropped: \(report.text("drop_reason"))") }
        if report["detail"]?.stringValue != nil { lines.append("  \(report.text("detail"))") }
        return lines.map { $0 + "\n" }.joined()
    }
}

extension JSONValue {
    /// A member that is a number; empty if there is none.
    fileprivate func number(_ name: String) -> String { self[name]?.integerValue.map { String($0) } ?? "" }
}
