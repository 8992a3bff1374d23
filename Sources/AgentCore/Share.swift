import Southbound

/// The records that concern this host, as of one revision of central's store.
public struct Share: Hashable, Sendable {
    /// The store's epoch; 0 if central has never been heard.
    public private(set) var epoch: UInt64 = 0
    /// The revision that the records are as of; 0 means that there are none yet.
    public private(set) var revision: UInt64 = 0
    /// The hash of the revision's commit; `nil` if central has not told it.
    public private(set) var hash: UInt64?
    /// True if another history was refused in favor of this one: the next history that is not proven to be this one is
    /// checked as closely, also by the next start of the agent.
    public internal(set) var isHeld = false
    /// The features of the agent that was told the records. If they are others than this one's, it has left out what
    /// this one knows, or the other way round: the share is in use, and asked for anew.
    private(set) var features = Feature.all
    /// The epochs in use before this one, oldest first: their mark for hosts counts no more.
    public private(set) var formerEpochs: [UInt64] = []
    public private(set) var records: [RecordKey: Record] = [:]
    /// The key of each logical port's binding.
    private var bindingKeys: [String: RecordKey] = [:]
    /// The keys of the bindings of nested ports, by their parents.
    private var nestedKeys: [String: Set<RecordKey>] = [:]
    /// The keys of the bindings of ports of physical networks.
    private var wiredKeys: Set<RecordKey> = []

    /// The most epochs that are remembered: each is a restore of central, and there are few in its life.
    static let formerEpochCountMaximum = 16

    /// A share before central has ever been heard.
    public init() {}

    /// A share as of a revision. Of several records with one key the last counts.
    public init(
        epoch: UInt64,
        revision: UInt64,
        hash: UInt64? = nil,
        isHeld: Bool = false,
        formerEpochs: [UInt64] = [],
        features: [String] = Feature.all,
        records: some Sequence<Record>
    ) {
        self.epoch = epoch
        self.revision = revision
        self.hash = hash
        self.isHeld = isHeld
        self.formerEpochs = formerEpochs.suffix(Self.formerEpochCountMaximum)
        self.features = features
        for record in records { put(record) }
    }

    /// The binding of a logical port, if it is part of the share.
    public func binding(of logicalPort: String) -> PortBinding? {
        guard let key = bindingKeys[logicalPort], case .portBinding(let binding)? = records[key] else { return nil }
        return binding
    }

    /// The bindings of ports of physical networks, in order: localnet ports, and l2gateway ports of all hosts.
    var wiredBindings: [PortBinding] {
        wiredKeys.sorted().compactMap { key in
            if case .portBinding(let binding)? = records[key] { binding } else { nil }
        }
    }

    /// True if any binding is a nested port's.
    var hasNestedPorts: Bool { !nestedKeys.isEmpty }

    /// The bindings of the ports that are nested in a logical port, in no order.
    func nestedBindings(of parent: String) -> [PortBinding] {
        (nestedKeys[parent] ?? []).compactMap { key in
            if case .portBinding(let binding)? = records[key] { binding } else { nil }
        }
    }

    /// The logical ports whose bindings are part of the share.
    var logicalPorts: Dictionary<String, RecordKey>.Keys { bindingKeys.keys }

    /// Remembers that another share was gone by before this one.
    mutating func follow(_ former: Share) {
        formerEpochs = former.formerEpochs.filter { $0 != epoch && $0 != former.epoch }
        if former.revision > 0, former.epoch != epoch { formerEpochs.append(former.epoch) }
        formerEpochs = formerEpochs.suffix(Self.formerEpochCountMaximum)
    }

    /// The records in the order that a reader and a forwarder want: chassis, datapaths, ports, each by identity.
    public var sortedRecords: [Record] {
        records.sorted { $0.key < $1.key }.map(\.value)
    }

    /// The point of central's histories that the share is as of.
    public var mark: ShareMark {
        ShareMark(
            epoch: epoch,
            revision: revision,
            hash: hash,
            isHeld: isHeld,
            formerEpochs: formerEpochs,
            features: features
        )
    }

    /// Makes the share one as of another revision of the same epoch, by the changes between the two.
    mutating func apply(_ changes: some Sequence<RecordChange>, revision: UInt64, hash: UInt64?) {
        for change in changes {
            switch change {
            case .put(let record): put(record)
            case .delete(let key): remove(key)
            case .patch(let patch): _ = apply(patch)
            }
        }
        self.revision = revision
        self.hash = hash
    }

    /// True if all records that changes are about in part are there.
    func takes(_ changes: some Sequence<RecordChange>) -> Bool {
        changes.allSatisfy { change in
            guard case .patch(let patch) = change else { return true }
            guard case .datapathBinding(let datapath)? = records[change.key] else { return false }
            return datapath.takes(patch)
        }
    }

    /// The same changes of whole records, after they were applied.
    func whole(_ changes: [RecordChange]) -> [RecordChange] {
        changes.map { change in
            if case .patch = change, let record = records[change.key] { .put(record) } else { change }
        }
    }

    /// - Returns: `false` if there is no such record.
    private mutating func apply(_ patch: FilterPatch) -> Bool {
        let key = RecordKey.datapathBinding(patch.datapath)
        guard case .datapathBinding(var datapath)? = records[key], datapath.apply(patch) else { return false }
        records[key] = .datapathBinding(datapath)
        return true
    }

    /// Makes the share one as of a mark, by the changes between the two.
    mutating func apply(_ changes: [RecordChange], _ mark: ShareMark) {
        apply(changes, revision: mark.revision, hash: mark.hash)
        epoch = mark.epoch
        isHeld = mark.isHeld
        features = mark.features
        formerEpochs = mark.formerEpochs.suffix(Self.formerEpochCountMaximum)
    }

    /// Returns the changes that give this share the records of the other: deletes, then puts.
    func changes(to other: Share) -> [RecordChange] {
        let deleted = records.keys.filter { other.records[$0] == nil }
        let put = other.records.filter { records[$0.key] != $0.value }
        return deleted.sorted().map { .delete($0) } + put.sorted { $0.key < $1.key }.map { .put($0.value) }
    }

    private mutating func put(_ record: Record) {
        let key = record.key
        remove(key)
        records[key] = record
        guard case .portBinding(let binding) = record else { return }
        bindingKeys[binding.logicalPort] = key
        if let parent = binding.parentPort { nestedKeys[parent, default: []].insert(key) }
        if binding.wiredNetwork != nil { wiredKeys.insert(key) }
    }

    private mutating func remove(_ key: RecordKey) {
        guard let record = records.removeValue(forKey: key) else { return }
        wiredKeys.remove(key)
        guard case .portBinding(let binding) = record else { return }
        if let parent = binding.parentPort {
            nestedKeys[parent]?.remove(key)
            if nestedKeys[parent]?.isEmpty ?? false { nestedKeys[parent] = nil }
        }
        if bindingKeys[binding.logicalPort] == key { bindingKeys[binding.logicalPort] = nil }
    }
}

/// The point of central's histories that a share is as of, and what this host thinks of it. The members are those of
/// ``Share``.
public struct ShareMark: Hashable, Sendable {
    public internal(set) var epoch: UInt64
    public internal(set) var revision: UInt64
    var hash: UInt64?
    var isHeld: Bool
    var formerEpochs: [UInt64]
    var features: [String]
}

public enum ShareSave: Sendable {
    /// All of it, as a new file.
    case whole(Share)
    /// The changes since the save before, at the end of its file, and the mark that they lead to.
    case changes([RecordChange], ShareMark)
}

extension PortBinding {
    func location(on chassis: String) -> Location? { locations.first { $0.chassis == chassis } }
}
