import HashTreeCollections
import Persistent
import Wire

/// What the hosts need, translated from the northbound database. A value: a copy is a snapshot and costs nothing.
public struct SouthboundDatabase: Sendable {
    /// A record with the revision of its last change and its canonical JSON, made once at the commit.
    public struct Entry: Sendable {
        /// The record.
        public var record: Record
        /// The revision of the last commit that changed it.
        public var revision: UInt64
        /// The canonical JSON, as lists and the feed have it.
        public var bytes: [UInt8]

        /// A record as a commit leaves it.
        public init(record: Record, revision: UInt64, bytes: [UInt8]) {
            self.record = record
            self.revision = revision
            self.bytes = bytes
        }
    }

    /// The records by key.
    public internal(set) var entries: TreeDictionary<RecordKey, Entry> = [:]
    /// The chassis in order of name.
    public internal(set) var chassisByName = OrderedMap<String, RecordKey>()
    /// The datapaths in order of tunnel key.
    public internal(set) var datapathsByKey = OrderedMap<UInt32, RecordKey>()
    /// The port bindings in order of logical port.
    public internal(set) var portsByName = OrderedMap<String, RecordKey>()
    /// The port bindings of each datapath in order of tunnel key.
    public internal(set) var portsByDatapath: TreeDictionary<ObjectID, OrderedMap<UInt16, RecordKey>> = [:]

    /// A database without records.
    public init() {}
}
