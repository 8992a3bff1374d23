/// The rights of a token's bearer; each role includes those after it.
public enum Role: String, Sendable, CaseIterable {
    /// Everything: chassis and tokens too.
    case admin
    /// Change the logical network.
    case editor
    /// Look at everything but tokens.
    case viewer
    /// Read the metrics.
    case metrics

    /// True if whoever has this role may do what `other` is needed for.
    public func includes(_ other: Role) -> Bool { rank <= other.rank }

    private var rank: Int {
        switch self {
        case .admin: 0
        case .editor: 1
        case .viewer: 2
        case .metrics: 3
        }
    }
}
