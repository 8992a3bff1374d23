import Southbound

// It is not RawRepresentable: equality and hashes would go by the names.
extension CommitChange.Kind: CaseIterable {
    /// All tables, in the order in which rows have to be put.
    public static let allCases: [Self] =
        ObjectKind.allCases.map { .object($0) } + RecordKind.allCases.map { .record($0) }
        + [.chassisState, .bindingState, .lastKey, .topology, .keptAnswer, .token, .enrolment]

    /// The table's name in the log.
    public var rawValue: String {
        switch self {
        case .object(let kind): kind.names.row
        case .record(let kind): kind.rawValue
        case .chassisState: "chassis_state"
        case .bindingState: "binding_state"
        case .lastKey: "last_key"
        case .topology: "topology"
        case .keptAnswer: "kept_answer"
        case .token: "token"
        case .enrolment: "enrolment"
        }
    }

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })

    /// The table of a name; `nil` for one that this version does not know.
    public init?(rawValue: String) {
        guard let kind = Self.byName[rawValue] else { return nil }
        self = kind
    }

    public static let logicalSwitch = Self.object(.logicalSwitch)
    public static let logicalSwitchPort = Self.object(.logicalSwitchPort)
    public static let portBinding = Self.record(.portBinding)
}
