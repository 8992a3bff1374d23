import JSON
import Match
import Southbound

extension Mirror {
    /// The rules in the order in which they are asked: by priority from the highest on, those of one priority in the
    /// user's order.
    var orderedRules: [MirrorSession.Rule] {
        rules.enumerated().sorted { ($1.element.priority, $0.offset) < ($0.element.priority, $1.offset) }.map(\.element)
    }

    /// Reads `mirror_rules`.
    static func rules(_ reader: BodyReader) throws(Refusal) -> [MirrorSession.Rule] {
        guard let value = reader.value("mirror_rules") else { return [] }
        guard let elements = value.arrayValue else {
            throw reader.wrongType("mirror_rules", "an array of rules", value)
        }
        guard elements.count <= MirrorSession.ruleCountMaximum else {
            let detail = "A mirror has at most \(MirrorSession.ruleCountMaximum) rules."
            throw Refusal(.limitExceeded, detail, pointer: reader.pointer("mirror_rules"))
        }
        var rules: [MirrorSession.Rule] = []
        var weight = 0
        for (number, element) in elements.enumerated() {
            let place = RulePlace(pointer: reader.pointer("mirror_rules", "\(number)"))
            let (rule, ruleWeight) = try place.rule(element)
            guard !rules.contains(where: { $0.priority == rule.priority && $0.match == rule.match }) else {
                throw place.refusal("", "A rule with this priority and this match is there already.")
            }
            rules.append(rule)
            weight += ruleWeight
            guard weight <= MatchProgram.stepCountMaximum else {
                let detail =
                    "The matches of a mirror's rules have at most \(MatchProgram.stepCountMaximum) tests and constants "
                    + "altogether, with all that they presuppose."
                throw Refusal(.limitExceeded, detail, pointer: reader.pointer("mirror_rules"))
            }
        }
        return rules
    }
}

/// A rule of a mirror in a body.
private struct RulePlace {
    let pointer: String

    private static let members = ["priority", "match", "action"]

    func refusal(_ member: String, _ detail: String, _ code: Refusal.Code = .invalidValue) -> Refusal {
        Refusal(code, detail, pointer: member.isEmpty ? pointer : pointer + "/" + escapedPointerToken(member))
    }

    /// The rule, and the weight of its match.
    func rule(_ value: JSONValue) throws(Refusal) -> (MirrorSession.Rule, weight: Int) {
        guard let object = value.objectValue else {
            let detail = "A rule is an object with \"priority\", \"match\" and \"action\", not \(value.kindName)."
            throw refusal("", detail)
        }
        for (name, _) in object.members where !Self.members.contains(name) {
            let detail = "A rule has no member \(quoted(name)); it has priority, match and action."
            throw refusal(name, detail, .unknownField)
        }
        for name in Self.members where object[name] == nil {
            throw refusal(name, "A rule needs \"\(name)\".", .missingField)
        }
        let maximum = MirrorSession.priorityMaximum
        guard let priority = object["priority"]?.integerValue, (0...Int64(maximum)).contains(priority) else {
            throw refusal("priority", "\"priority\" is a number from 0 to \(maximum).")
        }
        guard let action = object["action"]?.stringValue.flatMap({ MirrorSession.Rule.Action(rawValue: $0) }) else {
            let words = Mirror.words(MirrorSession.Rule.Action.self)
            throw refusal("action", "The \"action\" of a rule is one of \(words).")
        }
        guard let match = object["match"]?.stringValue else { throw refusal("match", "\"match\" is a string.") }
        let weight = try weight(of: match)
        return (MirrorSession.Rule(priority: UInt16(priority), match: match, action: action), weight)
    }

    private func weight(of match: String) throws(Refusal) -> Int {
        guard match.utf8.count <= MirrorSession.matchByteCountMaximum else {
            let detail = "A match has at most \(MirrorSession.matchByteCountMaximum) bytes here."
            throw refusal("match", detail, .limitExceeded)
        }
        let expression: MatchExpression
        do {
            expression = try MatchExpression(match)
        } catch {
            throw refusal("match", "In the match, \(error).")
        }
        guard !expression.hasNames else {
            let detail =
                "A mirror's rules are about what is in frames: write the members of address sets in braces, and have "
                + "ports refer to the mirror instead of naming them."
            throw refusal("match", detail, .unsupported)
        }
        return expression.weight
    }
}
