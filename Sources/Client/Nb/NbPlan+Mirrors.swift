import HTTP
import JSON

extension NbPlan {
    mutating func addMirror(
        _ name: String,
        type: String,
        index: Int64,
        filter: String,
        sink: String
    ) throws(ClientError) {
        guard found(name, in: mirrors) == nil else {
            throw .refused("\(name): a mirror with this name already exists")
        }
        operate(
            "create",
            "/v1/mirrors",
            [
                "name": .string(name), "type": .string(type), "index": .integer(index), "filter": .string(filter),
                "sink": .string(sink),
            ]
        )
        mirrors[name] = Known()
    }

    mutating func deleteMirror(_ reference: String, ifExists: Bool) throws(ClientError) {
        guard let known = found(reference, in: mirrors) else {
            guard ifExists else { throw notFound(reference, "mirror") }
            return require("/v1/mirrors/", reference, mirrors[resolved(reference)])
        }
        operate("delete", "/v1/mirrors/" + percentEncoded(resolved(reference)))
        mirrors[resolved(reference)] = known.gone
    }

    /// Puts a mirror among those of a port, or takes it away.
    /// - Parameter isLenient: True if it may be as wanted already.
    mutating func setMirror(
        _ reference: String,
        of port: String,
        isAttached: Bool,
        isLenient: Bool
    ) throws(ClientError) {
        guard let known = ports[port] else { return }
        if found(reference, in: mirrors) == nil, isAttached || !isLenient { throw notFound(reference, "mirror") }
        let name = resolved(reference)
        // The list is put in place of the one that was read, which must be the same still.
        require("/v1/ports/", port, known)
        guard known.mirrors.contains(name) != isAttached else {
            if isLenient { return }
            throw .refused("\(name): the mirror is \(isAttached ? "already" : "not") attached to the port \(port)")
        }
        let next = isAttached ? known.mirrors + [name] : known.mirrors.filter { $0 != name }
        ports[port]?.mirrors = next
        operate(
            "patch",
            "/v1/ports/" + percentEncoded(port),
            ["mirror_rules": .array(next.map { .string($0) })]
        )
    }

    mutating func addRule(_ rule: NbCommand.MirrorRule, to reference: String) throws(ClientError) {
        let (name, known) = try mirror(reference)
        guard !known.rules.contains(where: rule.isOfSamePlace) else {
            throw .refused("\(name): there is a rule with this priority and this match already")
        }
        setRules(known.rules + [rule.json], of: name, known)
    }

    mutating func deleteRules(of reference: String, priority: Int64?, match: String?) throws(ClientError) {
        let (name, known) = try mirror(reference)
        let rest = known.rules.filter { rule in
            priority.map { $0 != rule["priority"]?.integerValue } ?? false
                || match.map { $0 != rule["match"]?.stringValue } ?? false
        }
        setRules(rest, of: name, known)
    }

    private func mirror(_ reference: String) throws(ClientError) -> (name: String, Known) {
        guard let known = found(reference, in: mirrors) else { throw notFound(reference, "mirror") }
        return (resolved(reference), known)
    }

    /// Puts rules in place of those that were read, which must be the same still.
    private mutating func setRules(_ rules: [JSONValue], of name: String, _ known: Known) {
        require("/v1/mirrors/", name, known)
        guard rules != known.rules else { return }
        mirrors[name]?.rules = rules
        operate("patch", "/v1/mirrors/" + percentEncoded(name), ["mirror_rules": .array(rules)])
    }
}

extension NbCommand.MirrorRule {
    fileprivate var json: JSONValue {
        ["priority": .integer(priority), "match": .string(match), "action": .string(action)]
    }

    fileprivate func isOfSamePlace(_ rule: JSONValue) -> Bool {
        rule["priority"]?.integerValue == priority && rule["match"]?.stringValue == match
    }
}
