/// The meaning of names in a match expression, for one frame.
public protocol MatchScope {
    /// True if the frame's port on that side has the name. The empty name is that of no port.
    func port(_ side: PortSide, isNamed name: String) -> Bool

    /// True if the frame's port on that side is a member of the group.
    func port(_ side: PortSide, isIn group: String) -> Bool

    /// True if the set has the address, or a network with it: of IPv4, IPv6 or Ethernet by `bitCount` (32, 128, 48).
    func addressSet(_ name: String, contains address: UInt128, bitCount: Int) -> Bool
}

/// Two ports by name, of no groups, and no address sets.
public struct PortNames: MatchScope, Hashable, Sendable {
    /// The port that the frame comes from.
    public var inport: String?
    /// The port that the frame goes to, once that is known.
    public var outport: String?

    public init(inport: String? = nil, outport: String? = nil) {
        self.inport = inport
        self.outport = outport
    }

    public func port(_ side: PortSide, isNamed name: String) -> Bool {
        switch side {
        case .inport: (inport ?? "") == name
        case .outport: (outport ?? "") == name
        }
    }

    public func port(_ side: PortSide, isIn group: String) -> Bool { false }

    public func addressSet(_ name: String, contains address: UInt128, bitCount: Int) -> Bool { false }
}

extension MatchTerm {
    func isTrue(of frame: MatchFrame, in scope: some MatchScope) -> Bool {
        switch self {
        case .constant(let value): value
        case .bits(let test): test.isTrue(of: frame[test.field], in: scope)
        case .port(let test):
            (test.names.contains { scope.port(test.side, isNamed: $0) }
                || test.groups.contains { scope.port(test.side, isIn: $0) }) != test.isNegated
        case .all(let terms): terms.allSatisfy { $0.isTrue(of: frame, in: scope) }
        case .any(let terms): terms.contains { $0.isTrue(of: frame, in: scope) }
        }
    }
}

extension BitTest {
    func isTrue(of field: UInt128, in scope: some MatchScope) -> Bool {
        let bits = field >> UInt128(range.lowerBound) & UInt128.lowBits(range.count)
        func isMember() -> Bool {
            values.contains { bits & $0.mask == $0.value }
                || addressSets.contains { scope.addressSet($0, contains: bits, bitCount: range.count) }
        }
        switch comparison {
        case .equal: return isMember()
        case .notEqual: return !isMember()
        // Only == and != have more constants than one.
        case .less: return values.allSatisfy { bits < $0.value }
        case .lessOrEqual: return values.allSatisfy { bits <= $0.value }
        case .greater: return values.allSatisfy { bits > $0.value }
        case .greaterOrEqual: return values.allSatisfy { bits >= $0.value }
        }
    }
}
