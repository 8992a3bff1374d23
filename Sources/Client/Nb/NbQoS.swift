import HTTP
import JSON

/// The arguments of `qos-add`.
public struct NbQoS: Equatable, Sendable {
    /// The name or UUID of a switch.
    public var logicalSwitch: String
    public var direction: String
    public var priority: Int64
    public var match: String
    public var dscp: Int64
    public var mayExist = false
}

extension NbCommand {
    /// The verbs about QoS rules.
    static let qosVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "qos-add",
            options: ["--may-exist"],
            parameters: "SWITCH DIRECTION PRIORITY MATCH dscp=DSCP",
            count: 5...5,
            abstract: "Add a rule to a switch that marks packets.",
            details: """
                DIRECTION is from-lport or to-lport, PRIORITY 0 to 32767, MATCH an expression as a single
                argument, DSCP the differentiated services code point, 0 to 63. There are no marks and no rates.
                """,
            examples: ["heddle nb qos-add ls1 from-lport 1000 'inport == \"ls1-vm1\" && udp.dst == 5060' dscp=46"]
        ) { words throws(ClientError) in
            .qosAdd(
                NbQoS(
                    logicalSwitch: try words.reference(0, of: "switch"),
                    direction: try direction(words[1]),
                    priority: try priority(words[2]),
                    match: words[3],
                    dscp: try dscp(words[4]),
                    mayExist: words.options.contains("--may-exist")
                )
            )
        },
        ControlVerb(
            "qos-del",
            parameters: "SWITCH [DIRECTION [PRIORITY MATCH]]",
            count: 1...4,
            abstract: "Delete QoS rules of a switch.",
            examples: ["heddle nb qos-del ls1", "heddle nb qos-del ls1 from-lport 1000 'udp.dst == 5060'"]
        ) { words throws(ClientError) in
            .qosDel(try words.reference(0, of: "switch"), try filter(words))
        },
        ControlVerb(
            "qos-list",
            parameters: "SWITCH",
            count: 1...1,
            abstract: "List the QoS rules of a switch.",
            examples: ["heddle nb qos-list ls1"]
        ) { words throws(ClientError) in .qosList(try words.reference(0, of: "switch")) },
    ]

    private static func dscp(_ word: String) throws(ClientError) -> Int64 {
        guard word.hasPrefix("dscp=") else {
            throw .usage("\(word): must be dscp=DSCP; marks and rates are not in this version")
        }
        guard let value = Int64(word.dropFirst(5)), (0...63).contains(value) else {
            throw .usage("\(word.dropFirst(5)): dscp must be in range 0...63")
        }
        return value
    }
}

extension NbPlan {
    mutating func addQoS(_ rule: NbQoS) throws(ClientError) {
        let home = try logicalSwitch(rule.logicalSwitch)
        let name = NbACL.name(on: home, rule.direction, rule.priority, rule.match)
        if qosRules.contains(where: { $0.text("name") == name }) {
            guard rule.mayExist else { throw .refused("Same QoS rule already existed on switch \(home).") }
            return
        }
        let body: JSONValue = [
            "name": .string(name), "switch": .string(home), "direction": .string(rule.direction),
            "priority": .integer(rule.priority), "match": .string(rule.match), "dscp": .integer(rule.dscp),
        ]
        operate("create", "/v1/qos-rules", body)
        qosRules.append(body)
    }

    mutating func deleteQoS(_ reference: String, _ filter: NbACLFilter) throws(ClientError) {
        let home = try logicalSwitch(reference)
        let gone = qosRules.filter { $0.text("switch") == home && filter.fits($0) }
        qosRules.removeAll { rule in gone.contains { $0.text("name") == rule.text("name") } }
        for rule in gone { operate("delete", "/v1/qos-rules/" + percentEncoded(rule.text("name"))) }
    }
}

extension NbListing {
    /// The output of `ovn-nbctl qos-list`: by direction and priority.
    static func qosRules(_ rules: [JSONValue]) -> String {
        func rank(_ rule: JSONValue) -> (String, Int64) {
            (rule.text("direction"), -(rule["priority"]?.integerValue ?? 0))
        }
        return rules.sorted { left, right in
            rank(left) == rank(right) ? left.text("match").utf8Precedes(right.text("match")) : rank(left) < rank(right)
        }.map { rule in
            let direction = rule.text("direction")
            let priority = "\(rule["priority"]?.integerValue ?? 0)"
            return String(repeating: " ", count: max(0, 10 - direction.count)) + direction + " "
                + String(repeating: " ", count: max(0, 5 - priority.count)) + priority
                + " (\(rule.text("match"))) dscp=\(rule["dscp"]?.integerValue ?? 0)\n"
        }.joined()
    }
}
