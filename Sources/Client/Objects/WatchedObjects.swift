import JSON

/// The objects that a watch has shown, which tell what is new in what central says.
struct WatchedObjects {
    /// A change of an object.
    struct Event: Equatable {
        /// The words that Kubernetes has for it, which people and scripts know.
        enum Kind: String {
            /// It is there, or has begun to fit what is watched.
            case added = "ADDED"
            /// It is another than it was.
            case modified = "MODIFIED"
            /// It is gone, or does not fit any more.
            case deleted = "DELETED"
        }

        var kind: Kind
        /// As it is; if it was deleted, as it was.
        var object: JSONValue
    }

    let kind: ShownKind
    /// Only these, by name or UUID; empty means all.
    let names: [String]
    /// For ports: only those of the switch of this name.
    let logicalSwitch: String?
    let selection: ObjectSelection

    private var shown: [String: JSONValue] = [:]

    init(_ kind: ShownKind, names: [String] = [], of logicalSwitch: String? = nil, selection: ObjectSelection) {
        self.kind = kind
        self.names = names
        self.logicalSwitch = logicalSwitch
        self.selection = selection
    }

    /// Takes a whole list; the events are the differences from what was shown, what is gone first.
    mutating func replace(with objects: [JSONValue]) -> [Event] {
        let wanted = objects.filter(isWanted)
        let identities = Set(wanted.map(identity))
        let gone = shown.filter { !identities.contains($0.key) }
            .sorted { kind.name(of: $0.value).utf8Precedes(kind.name(of: $1.value)) }
        return gone.compactMap { remove($0.key) } + wanted.compactMap { put($0, as: identity(of: $0)) }
    }

    /// Takes one change of the change feed; `nil` if it concerns nothing that is watched, or has been seen.
    mutating func apply(_ change: JSONValue) -> Event? {
        let identity = change.text("id")
        if let known = shown[identity]?["revision"]?.integerValue, let revision = change["revision"]?.integerValue,
            revision <= known
        {
            return nil
        }
        guard change.text("op") == "put", let object = change["object"], isWanted(object) else {
            return remove(identity)
        }
        return put(object, as: identity)
    }

    private mutating func put(_ object: JSONValue, as identity: String) -> Event? {
        let old = shown.updateValue(object, forKey: identity)
        guard let old else { return Event(kind: .added, object: object) }
        return old == object ? nil : Event(kind: .modified, object: object)
    }

    private mutating func remove(_ identity: String) -> Event? {
        shown.removeValue(forKey: identity).map { Event(kind: .deleted, object: $0) }
    }

    /// Returns the object's `id` in the change feed: that of a chassis is its name.
    private func identity(of object: JSONValue) -> String { object["id"]?.stringValue ?? kind.name(of: object) }

    private func isWanted(_ object: JSONValue) -> Bool {
        guard names.isEmpty || names.contains(where: { kind.isNamed($0, object) }) else { return false }
        guard logicalSwitch == nil || object.text("switch") == logicalSwitch else { return false }
        return selection.fits(object)
    }
}
