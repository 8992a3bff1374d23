import JSON
import Match
import Southbound

// The members that ACLs and QoS rules have in common.
extension BodyReader {
    func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String,
        default fallback: Word? = nil
    ) throws(Refusal) -> Word {
        let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
        guard let text = try string(name) else {
            if let fallback { return fallback }
            let detail = "\(noun) needs \"\(name)\", which is one of \(words)."
            throw Refusal(.missingField, detail, pointer: pointer(name))
        }
        guard let word = Word(rawValue: text) else {
            let detail = "\"\(name)\" is one of \(words), not \(quoted(text))."
            throw Refusal(.invalidValue, detail, pointer: pointer(name))
        }
        return word
    }

    func integer<Value: FixedWidthInteger>(
        _ name: String,
        in range: ClosedRange<Value>,
        default fallback: Value? = nil
    ) throws(Refusal) -> Value {
        let said = members[name]
        guard let said, !isPatch || said != .null || fallback == nil else {
            if let fallback { return fallback }
            throw Refusal(
                .missingField,
                "\(noun) needs \"\(name)\", \(range.lowerBound) to \(range.upperBound).",
                pointer: pointer(name)
            )
        }
        guard let value = said.integerValue.flatMap(Value.init(exactly:)), range.contains(value) else {
            let detail = "\"\(name)\" is a whole number from \(range.lowerBound) to \(range.upperBound)."
            throw Refusal(.invalidValue, detail, pointer: pointer(name))
        }
        return value
    }

    func match() throws(Refusal) -> ACLMatch {
        guard let text = try string("match") else {
            let detail = "\(noun) needs a \"match\", such as \"outport == @web && tcp.dst == 80\"."
            throw Refusal(.missingField, detail, pointer: pointer("match"))
        }
        do {
            return try ACLMatch(text)
        } catch {
            throw Refusal(.invalidValue, "\"match\" \(error).", pointer: pointer("match"))
        }
    }
}

extension ACLMatch {
    /// Checks what a match reads, and the names in it.
    func check(_ direction: PacketFilter.Direction, in database: NorthboundDatabase) throws(Refusal) {
        if direction == .fromPort, readsOutport {
            throw Refusal(
                .invalidValue,
                "\"outport\" is not known yet where frames come in; use it with the direction \"to-lport\".",
                pointer: "/match"
            )
        }
        if readsNeighbors {
            let detail = "nd.target, nd.sll and nd.tll cannot be matched in this version; match nd, nd_ns or nd_na."
            throw Refusal(.unsupported, detail, pointer: "/match")
        }
        guard let missing = names.sorted().first(where: { !database.has($0) }) else { return }
        throw Refusal(
            .referenceNotFound,
            "There is no \(missing.kind.names.noun) \(quoted(missing.name)), which \"match\" names; create it first.",
            pointer: "/match"
        )
    }
}

extension NorthboundDatabase {
    /// True if there is the object that a match names.
    fileprivate func has(_ named: NamedObject) -> Bool {
        if named.kind.row.listed(self, .name(named.name)) != nil { return true }
        return named.groupOfAddresses.map { portGroups[.name($0.group)] != nil } ?? false
    }
}
