import Persistent
import Wire

extension ACL {
    /// An index that finds ACLs by what they are of and by the names in their matches.
    public struct Index: KindIndex {
        private(set) var bySwitch: OrderedMap<ObjectID, OrderedMap<ObjectID, Void>> = OrderedMap()
        private(set) var byPortGroup: OrderedMap<ObjectID, OrderedMap<ObjectID, Void>> = OrderedMap()
        private(set) var byName: OrderedMap<NamedObject, OrderedMap<ObjectID, Void>> = OrderedMap()

        public init() {}

        public mutating func insert(_ stored: Stored<ACL>) { note(stored, isPresent: true) }
        public mutating func remove(_ stored: Stored<ACL>) { note(stored, isPresent: false) }
        /// An ACL has nothing that no other one may have.
        public mutating func release(_ stored: Stored<ACL>) {}

        private mutating func note(_ stored: Stored<ACL>, isPresent: Bool) {
            let acl = stored.value
            if let id = acl.switchID { bySwitch.note(stored.id, under: id, isPresent) }
            if let id = acl.portGroup { byPortGroup.note(stored.id, under: id, isPresent) }
            for name in acl.match.names { byName.note(stored.id, under: name, isPresent) }
        }
    }

    public func isIndexed(like other: ACL) -> Bool {
        switchID == other.switchID && portGroup == other.portGroup && match.names == other.match.names
    }
}

extension OrderedMap where Value == OrderedMap<ObjectID, Void> {
    /// Adds an object to those of a key, or takes it away; a key without objects goes.
    mutating func note(_ id: ObjectID, under key: Key, _ isPresent: Bool) {
        update(key, default: OrderedMap<ObjectID, Void>()) { $0[id] = isPresent ? () : nil }
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}
