import JSON
import Wire

/// Reads a request's body strictly: a member that the kind does not have is refused, and every refusal has the JSON
/// pointer of the member.
struct BodyReader {
    /// The name of the object in messages: "a switch".
    let noun: String
    let members: JSONObject
    /// True if it is a merge patch (RFC 7396): members that it leaves out stay, and `null` stands for the default.
    let isPatch: Bool

    /// - Throws: ``Refusal`` if the body is no object or has unknown members.
    init(_ body: JSONValue, noun: String, known: Set<String>, isPatch: Bool) throws(Refusal) {
        guard case .object(let members) = body else {
            throw Refusal(.invalidValue, "\(noun) must be a JSON object, not \(body.kindName).", pointer: "")
        }
        self.noun = noun
        self.members = members
        self.isPatch = isPatch
        for member in members.members where !known.contains(member.name) {
            guard ServerMember(rawValue: member.name) == nil else { continue }
            throw Refusal(
                .unknownField,
                "\(noun) has no field \(quoted(member.name)); the fields are "
                    + "\(known.sorted().joined(separator: ", ")).",
                pointer: pointer(member.name)
            )
        }
    }

    /// The RFC 6901 pointer of a member, or of a place in it.
    func pointer(_ name: String, _ place: String...) -> String {
        ([name] + place).reduce("") { $0 + "/" + escapedPointerToken($1) }
    }

    func wrongType(_ name: String, _ wanted: String, _ value: JSONValue) -> Refusal {
        Refusal(.invalidValue, "\"\(name)\" has to be \(wanted), not \(value.kindName).", pointer: pointer(name))
    }

    func decides(_ name: String) -> Bool { !isPatch || members[name] != nil }

    /// The member, unless it is left to its default.
    func value(_ name: String) -> JSONValue? {
        let value = members[name]
        return isPatch && value == .null ? nil : value
    }

    func string(_ name: String) throws(Refusal) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.stringValue else { throw wrongType(name, "a string", value) }
        return text
    }

    /// A string that may be `null`.
    func optionalString(_ name: String) throws(Refusal) -> String? {
        members[name] == .null ? nil : try string(name)
    }

    /// Checks a string that has no default that a patch could bring back.
    func checkFixedString(_ name: String) throws(Refusal) {
        guard let value = members[name], value.stringValue == nil else { return }
        throw wrongType(name, "a string", value)
    }

    func bool(_ name: String, default fallback: Bool) throws(Refusal) -> Bool {
        guard let value = value(name) else { return fallback }
        guard let bool = value.boolValue else { throw wrongType(name, "true or false", value) }
        return bool
    }

    /// `true` or `false`, or `nil` for nothing and `null`.
    func optionalBool(_ name: String) throws(Refusal) -> Bool? {
        members[name].map { $0 == .null } ?? true ? nil : try bool(name, default: false)
    }

    func integer(_ name: String, default fallback: Int64, in range: ClosedRange<Int64>) throws(Refusal) -> Int64 {
        guard let value = value(name) else { return fallback }
        guard let integer = value.integerValue, range.contains(integer) else {
            let detail = "\"\(name)\" is a number from \(range.lowerBound) to \(range.upperBound), not \(value.text)."
            throw Refusal(.invalidValue, detail, pointer: pointer(name))
        }
        return integer
    }

    func strings(_ name: String, atMost maximum: Int) throws(Refusal) -> [String] {
        guard let value = value(name) else { return [] }
        guard let values = value.arrayValue else { throw wrongType(name, "an array of strings", value) }
        guard values.count <= maximum else {
            throw Refusal(.limitExceeded, "\"\(name)\" has at most \(maximum) elements.", pointer: pointer(name))
        }
        var strings: [String] = []
        for (index, element) in values.enumerated() {
            guard let text = element.stringValue else {
                throw Refusal(
                    .invalidValue,
                    "The elements of \"\(name)\" must be strings, not \(element.kindName).",
                    pointer: pointer(name, "\(index)")
                )
            }
            strings.append(text)
        }
        return strings
    }

    /// A map of strings with bounded keys, values and number; of a patch those that it puts.
    func map(_ name: String, _ bounds: MapBounds = .labels) throws(Refusal) -> [String: String] {
        guard let value = value(name) else { return [:] }
        guard let object = value.objectValue else { throw wrongType(name, "an object of strings", value) }
        guard !isPatch || object.members.count <= bounds.patchedCount else {
            throw Refusal(
                .limitExceeded,
                "A patch names at most \(bounds.patchedCount) members of \"\(name)\".",
                pointer: pointer(name)
            )
        }
        guard isPatch || object.members.count <= bounds.count else { throw .tooManyMembers(name, bounds) }
        var map: [String: String] = [:]
        for (key, value) in object.members where !isPatch || value != .null {
            map[key] = try text(value, at: key, of: name, bounds)
        }
        guard map.count <= bounds.count else { throw .tooManyMembers(name, bounds) }
        return map
    }

    /// A check of options, of which there is only one, a flag: `"true"` or `"false"`, as OVN writes it.
    static func onlyFlag(_ flag: String) -> @Sendable (BodyReader, [String: String]) throws(Refusal) -> Void {
        { reader, options throws(Refusal) in
            for (key, value) in options.sorted(by: { $0.key < $1.key }) {
                guard key == flag else {
                    throw Refusal(
                        .unsupported,
                        "The option \(quoted(key)) is not in this version; it has only \"\(flag)\".",
                        pointer: reader.pointer("options", key)
                    )
                }
                try checkFlag(value, of: key, at: reader.pointer("options", key))
            }
        }
    }

    /// Checks the value of an option that is a flag.
    static func checkFlag(_ value: String, of key: String, at pointer: String) throws(Refusal) {
        guard value != "true", value != "false" else { return }
        throw Refusal(
            .invalidValue,
            "\"\(key)\" is \"true\" or \"false\", not \(quoted(value)).",
            pointer: pointer
        )
    }

    /// The value of a map's member, which has bounds as its key has.
    private func text(
        _ value: JSONValue,
        at key: String,
        of name: String,
        _ bounds: MapBounds
    ) throws(Refusal) -> String {
        guard let text = value.stringValue else {
            let remedy =
                switch value {
                case .bool, .integer, .number: "; write \"\(value.text)\""
                case .null, .string, .array, .object: ""
                }
            throw Refusal(
                .invalidValue,
                "The values of \"\(name)\" must be strings, not \(value.kindName)\(remedy).",
                pointer: pointer(name, key)
            )
        }
        guard (1...bounds.keyByteCount).contains(key.utf8.count), text.utf8.count <= bounds.valueByteCount
        else {
            throw Refusal(
                .limitExceeded,
                "In \"\(name)\" a key has 1 to \(bounds.keyByteCount) bytes and a value at most "
                    + "\(bounds.valueByteCount).",
                pointer: pointer(name, key)
            )
        }
        guard !key.hasControlCharacters, !text.hasControlCharacters else {
            throw Refusal(
                .invalidValue,
                "In \"\(name)\" neither keys nor values may have control characters, such as line breaks.",
                pointer: pointer(name, key)
            )
        }
        return text
    }
}

/// The bounds of a map of strings.
struct MapBounds {
    /// The most members.
    var count: Int
    /// The longest key, in bytes.
    var keyByteCount: Int
    /// The longest value, in bytes.
    var valueByteCount: Int

    /// The most members that one patch names: enough to remove all and to add as many. It is checked before anything is
    /// merged.
    var patchedCount: Int { 2 * count }

    /// The bounds of labels and options.
    static let labels = MapBounds(
        count: Limits.labelCountMaximum,
        keyByteCount: Limits.labelKeyByteCountMaximum,
        valueByteCount: Limits.labelValueByteCountMaximum
    )
}

/// A token of a JSON pointer with `~` and `/` escaped (RFC 6901 section 3); one that no member has is cut.
public func escapedPointerToken(_ token: String) -> String {
    JSONReader.escaped(cut(token, at: Limits.pointerTokenByteCountMaximum))
}
