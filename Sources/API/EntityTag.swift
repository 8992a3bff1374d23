import HTTP
import HTTPTypes
import NetworkModel

/// Entity tags (RFC 9110 section 8.8.3): the decimal revision in quotes. With the content coding gzip a tag ends in
/// `-gzip`; a tag that comes back may have either spelling.
enum EntityTag {
    /// The content of a field with a list of tags.
    enum List: Equatable {
        /// `*`.
        case anything
        /// Tags. Those that no object of ours can have are left out; `strong` says which are not weak.
        case tags([(revision: UInt64, isStrong: Bool)])

        static func == (left: List, right: List) -> Bool {
            switch (left, right) {
            case (.anything, .anything): true
            case (.tags(let left), .tags(let right)): left.elementsEqual(right) { $0 == $1 }
            case (.anything, .tags), (.tags, .anything): false
            }
        }
    }

    /// The list in a field's value, or `nil` if it is none.
    static func list(_ value: String) -> List? {
        var rest = value.utf8[...]
        skipBlanks(&rest)
        if rest.first == UInt8(ascii: "*") {
            rest.removeFirst()
            skipBlanks(&rest)
            return rest.isEmpty ? .anything : nil
        }
        var tags: [(revision: UInt64, isStrong: Bool)] = []
        repeat {
            skipBlanks(&rest)
            let isWeak = rest.starts(with: "W/".utf8)
            if isWeak { rest.removeFirst(2) }
            guard rest.popFirst() == UInt8(ascii: "\""), let end = rest.firstIndex(of: UInt8(ascii: "\"")) else {
                return nil
            }
            let opaque = String(Substring(rest[..<end]))
            rest = rest[rest.index(after: end)...]
            skipBlanks(&rest)
            if let revision = revision(opaque) { tags.append((revision, !isWeak)) }
            guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
        } while rest.popFirst() != nil
        return .tags(tags)
    }

    /// The revision of an opaque tag, or `nil` for a tag that is not ours.
    static func revision(_ opaque: String) -> UInt64? {
        let digits = opaque.hasSuffix("-gzip") ? opaque.dropLast(5) : opaque[...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt64(digits)
    }

    private static func skipBlanks(_ rest: inout Substring.UTF8View) {
        while let byte = rest.first, byte == 0x20 || byte == 0x09 { rest.removeFirst() }
    }
}

/// The conditional fields of a request.
struct Conditions {
    var ifMatch: EntityTag.List?
    var ifNoneMatch: EntityTag.List?

    init() {}

    init(_ fields: HTTPFields) throws(Problem) {
        ifMatch = try Self.list(fields, .ifMatch)
        ifNoneMatch = try Self.list(fields, .ifNoneMatch)
    }

    private static func list(_ fields: HTTPFields, _ name: HTTPField.Name) throws(Problem) -> EntityTag.List? {
        guard let value = fields.value(of: name) else { return nil }
        guard let list = EntityTag.list(value) else {
            throw Problem(
                .invalidHeader,
                "\(name.rawName) is * or a list of entity tags in double quotes, such as \"4711\"."
            )
        }
        return list
    }

    func precondition() throws(Problem) -> Precondition {
        var precondition = Precondition()
        switch ifMatch {
        case nil: break
        case .anything: precondition.ifMatch = .anything
        case .tags(let tags):
            let revisions = tags.filter(\.isStrong).map(\.revision)
            if revisions.isEmpty, let weak = tags.first?.revision {
                throw Problem(
                    .preconditionFailed,
                    "If-Match has the weak tag W/\"\(weak)\", and a weak tag never matches there (RFC 9110 section "
                        + "13.1.1); give the tag as ETag says it: \"\(weak)\"."
                )
            }
            precondition.ifMatch = .revisions(revisions)
        }
        switch ifNoneMatch {
        case nil: break
        case .anything: precondition.mustBeAbsent = true
        case .tags:
            throw Problem(.invalidHeader, "If-None-Match with a change can only be *: the object must not exist yet.")
        }
        return precondition
    }

    /// Returns the outcome of a read of an object that has this revision.
    func outcome(ofReading revision: UInt64) -> ReadOutcome {
        if case .tags(let tags) = ifMatch, !tags.contains(where: { $0.isStrong && $0.revision == revision }) {
            return .failed
        }
        switch ifNoneMatch {
        case .anything: return .notModified
        case .tags(let tags) where tags.contains(where: { $0.revision == revision }): return .notModified
        case .tags, nil: return .whole
        }
    }

    enum ReadOutcome { case whole, notModified, failed }
}
