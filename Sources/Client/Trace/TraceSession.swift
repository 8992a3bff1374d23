import JSON

/// Carries `heddle trace` to central.
public struct TraceSession {
    let caller: any Caller

    public init(caller: any Caller) { self.caller = caller }

    /// The way of a frame, as text or as central's JSON.
    /// - Parameters:
    ///   - logicalSwitch: The switch, by name or UUID.
    ///   - flow: The frame's fields, as in ``fields(of:)``.
    public func trace(_ logicalSwitch: String, flow: [String], as format: TraceFormat = .text) throws(ClientError)
        -> String
    {
        let body: JSONValue = ["switch": .string(logicalSwitch), "flow": .object(try Self.fields(of: flow))]
        let report = try caller.require(Call(.post, "/v1/trace", body: body)).body ?? .null
        return format == .json ? report.indentedText : TraceText(report).text
    }

    /// The fields of a frame: words of the form `FIELD=VALUE`, as ovn-trace(8) has them too: with `==`, joined by `&&`
    /// or commas, values in quotes.
    static func fields(of words: [String]) throws(ClientError) -> JSONObject {
        var fields: [(name: String, value: JSONValue)] = []
        let parts = words.flatMap { $0.split { $0 == " " || $0 == "," || $0 == "\t" || $0 == "\n" } }
        // Blanks may stand around the signs.
        let joined = parts.joined(separator: " ").replacing(" == ", with: "=").replacing(" = ", with: "=").replacing(
            "==",
            with: "="
        )
        for word in joined.split(separator: " ") where word != "&&" {
            let pair = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
                throw .usage(
                    "'\(word)' is not a field of a frame; write FIELD=VALUE, such as eth.dst=02:00:00:00:00:02"
                )
            }
            let name = String(pair[0])
            guard !fields.contains(where: { $0.name == name }) else { throw .usage("the field \(name) is given twice") }
            let value = pair[1].hasPrefix("\"") && pair[1].hasSuffix("\"") ? pair[1].dropFirst().dropLast() : pair[1]
            fields.append((name, .string(String(value))))
        }
        guard !fields.isEmpty else { throw .usage("a trace needs the fields of a frame, such as inport=vm1") }
        return JSONObject(distinct: fields)
    }
}

/// The output format of `heddle trace`.
public enum TraceFormat: String, CaseIterable, Sendable {
    /// Lines for people.
    case text
    /// JSON as central has it, indented.
    case json
}
