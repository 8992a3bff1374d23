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
            if let id = acl.switchID { Self.note(stored.id, under: id, in: &bySwitch, isPresent) }
            if let id = acl.portGroup { Self.note(stored.id, under: id, in: &byPortGroup, isPresent) }
            for name in acl.match.names { Self.note(stored.id, under: name, in: &byName, isPresent) }
        }

        private static func note<Key>(
            _ id: ObjectID,
            under key: Key,
            in map: inout OrderedMap<Key, OrderedMap<ObjectID, Void>>,
            _ isPresent: Bool
        ) {
            map.update(key, default: OrderedMap()) { $0[id] = isPresent ? () : nil }
            if map[key]?.isEmpty == true { map[key] = nil }
        }
    }

    public func isIndexed(like other: ACL) -> Bool {
        switchID == other.switchID && portGroup == other.portGroup && match.names == other.match.names
    }
}
