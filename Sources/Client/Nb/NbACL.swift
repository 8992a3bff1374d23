import JSON

/// The arguments of `acl-add`.
public struct NbACL: Equatable, Sendable {
    /// The name or UUID of a switch or a port group.
    public var entity: String
    public var direction: String
    public var priority: Int64
    public var match: String
    public var action: String
    public var mayExist = false
    /// `nil` for one that is not logged.
    public var severity: String?
    /// `nil` for one that is made of what else is said.
    public var givenName: String?
    public var tier: Int64 = 0

    /// The name that such an ACL gets, as OVN's have none that tells them apart: of what it is on, its direction and
    /// priority, and a hash of its match.
    func name(on entity: String) -> String { givenName ?? Self.name(on: entity, direction, priority, match) }

    /// The name of a rule that users give none.
    static func name(on entity: String, _ direction: String, _ priority: Int64, _ match: String) -> String {
        var hash: UInt32 = 0x811c_9dc5
        for byte in match.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return "\(entity.prefix(80))-\(direction)-\(priority)-" + String(repeating: "0", count: 8 - digits.count)
            + digits
    }
}

/// The ACLs that `acl-del` means: all, those of a direction, or those of a priority and a match, too.
public struct NbACLFilter: Equatable, Sendable {
    public var direction: String?
    public var priority: Int64?
    public var match: String?

    func fits(_ acl: JSONValue) -> Bool {
        (direction == nil || acl.text("direction") == direction)
            && (priority == nil || acl["priority"]?.integerValue == priority)
            && (match == nil || acl.text("match") == match)
    }
}

extension NbCommand {
    /// The verbs about ACLs.
    static let aclVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "acl-add",
            options: ["--may-exist", "--log", "--severity=SEVERITY", "--name=NAME", "--tier=TIER"],
            parameters: "SWITCH|GROUP DIRECTION PRIORITY MATCH ACTION",
            count: 5...5,
            abstract: "Add an ACL to a switch or a port group.",
            details: """
                DIRECTION is from-lport or to-lport, PRIORITY 0 to 32767, MATCH an expression as a single
                argument, ACTION allow, allow-related, allow-stateless, drop, reject or pass. With allow-related,
                answers to what is allowed pass without an ACL; with reject the sender is told. An ACL of a port
                group is asked on every switch that has a port of it: its match names the group, as @GROUP.
                The log is that of the agents, which say 'acl_log'.
                """,
            examples: [
                "heddle nb acl-add ls1 to-lport 1000 'outport == \"ls1-vm1\" && tcp.dst == 22' drop",
                "heddle nb acl-add web to-lport 900 'outport == @web && ip4' drop",
            ]
        ) { words throws(ClientError) in
            let severity = words.values["--severity"]
            return .aclAdd(
                NbACL(
                    entity: try words.reference(0, of: "switch or port group"),
                    direction: try direction(words[1]),
                    priority: try priority(words[2]),
                    match: words[3],
                    action: words[4],
                    mayExist: words.options.contains("--may-exist"),
                    severity: severity ?? (words.options.contains("--log") ? "info" : nil),
                    givenName: words.values["--name"],
                    tier: try words.values["--tier"].map { text throws(ClientError) in try tier(text) } ?? 0
                )
            )
        },
        ControlVerb(
            "acl-del",
            parameters: "SWITCH|GROUP [DIRECTION [PRIORITY MATCH]]",
            count: 1...4,
            abstract: "Delete ACLs of a switch or a port group.",
            examples: ["heddle nb acl-del ls1", "heddle nb acl-del web to-lport 900 'outport == @web && ip4'"]
        ) { words throws(ClientError) in
            .aclDel(try words.reference(0, of: "switch or port group"), try filter(words))
        },
        ControlVerb(
            "acl-list",
            parameters: "SWITCH|GROUP",
            count: 1...1,
            abstract: "List the ACLs of a switch or a port group.",
            examples: ["heddle nb acl-list ls1"]
        ) { words throws(ClientError) in .aclList(try words.reference(0, of: "switch or port group")) },
    ]

    static func direction(_ word: String) throws(ClientError) -> String {
        // As in OVN the beginning is enough.
        for direction in ["from-lport", "to-lport"] where !word.isEmpty && direction.hasPrefix(word) {
            return direction
        }
        throw .usage("\(word): direction must be \"to-lport\" or \"from-lport\"")
    }

    private static func tier(_ word: String) throws(ClientError) -> Int64 {
        guard let tier = Int64(word), (0...3).contains(tier) else {
            throw .usage("\(word): tier must be in range 0...3")
        }
        return tier
    }

    /// The rules that `[DIRECTION [PRIORITY MATCH]]` choose, behind what they are of.
    static func filter(_ words: ControlVerb<NbCommand>.Words) throws(ClientError) -> NbACLFilter {
        guard words.arguments.count != 3 else { throw .usage("a priority needs the match behind it") }
        var filter = NbACLFilter()
        if words.arguments.count > 1 { filter.direction = try direction(words[1]) }
        if words.arguments.count > 3 {
            filter.priority = try priority(words[2])
            filter.match = words[3]
        }
        return filter
    }

    static func priority(_ word: String) throws(ClientError) -> Int64 {
        guard let priority = Int64(word), (0...32767).contains(priority) else {
            throw .usage("\(word): priority must be in range 0...32767")
        }
        return priority
    }
}

extension NbListing {
    /// The output of `ovn-nbctl acl-list`: by direction, tier and priority.
    static func acls(_ acls: [JSONValue]) -> String {
        func rank(_ acl: JSONValue) -> (String, Int64, Int64) {
            (acl.text("direction"), acl["tier"]?.integerValue ?? 0, -(acl["priority"]?.integerValue ?? 0))
        }
        return acls.sorted { left, right in
            rank(left) == rank(right) ? left.text("match").utf8Precedes(right.text("match")) : rank(left) < rank(right)
        }.map { acl in
            let tier = acl["tier"]?.integerValue ?? 0
            let direction =
                String(repeating: " ", count: max(0, 10 - acl.text("direction").count)) + acl.text("direction")
            let priority = "\(acl["priority"]?.integerValue ?? 0)"
            return "\(direction) \(String(repeating: " ", count: max(0, 5 - priority.count)))\(priority) "
                + "(\(acl.text("match"))) \(acl.text("action"))" + (tier > 0 ? " [tier \(tier)]" : "") + log(of: acl)
                + "\n"
        }.joined()
    }
    private static func log(of acl: JSONValue) -> String {
        guard acl["log"] == .bool(true) else { return "" }
        return " log(name=\(acl.text("name")),severity=\(acl["severity"]?.stringValue ?? "info"))"
    }
}
