import Wire

// The rows of ACLs in a table file: rules in the order in which they are asked, and the tests that they consist of.

/// The ACLs of a datapath in one direction.
struct FilterRow {
    /// `RuleRow`s in the order in which they are asked; none lets all frames pass.
    var rules: Extent
    /// The `TestRow`s of all rules.
    var tests: Extent
    /// The `PortRulesRow`s of ports that rules name, by ascending key.
    var ports: Extent
    /// The rules for all other ports.
    var others: RuleListRow
    var reads: FilterReads

    static let empty = FilterRow(rules: .empty, tests: .empty, ports: .empty, others: .empty, reads: [])
}

/// The rules that a frame may be asked, by their places (`UInt32`), each in one of the lists.
struct RuleListRow {
    /// Those that each frame is asked, ascending.
    var others: Extent
    /// `RuleIndexRow`s for the others, at most `RuleIndex.fieldCountMaximum`.
    var fields: Extent

    static let empty = RuleListRow(others: .empty, fields: .empty)
}

/// The rules that demand a value of a field.
struct RuleIndexRow {
    /// `IndexedRulesRow`s by ascending value, the first of 0.
    var rows: Extent
    /// A `FilterField`.
    var field: UInt64
}

/// The rules of the values from one to that of the next row.
struct IndexedRulesRow {
    var first: WideValue
    /// Places (`UInt32`) of rules, ascending.
    var rules: Extent
}

/// The parts of a packet that some rule reads.
struct FilterReads: OptionSet {
    let rawValue: UInt32

    /// Ports of TCP, UDP and SCTP, and flags of TCP.
    static let ports = FilterReads(rawValue: 1)
    /// Types and codes of ICMP.
    static let messages = FilterReads(rawValue: 2)
    /// Not a part: some rule lets pass what no connection is tracked of.
    static let stateless = FilterReads(rawValue: 4)
}

/// The rules that can be true for a port.
struct PortRulesRow {
    var key: UInt64
    var rules: RuleListRow
}

/// An ACL.
struct RuleRow {
    /// The number that tells the ACL from others, in counters and logs.
    var identity: UInt64
    /// The test that it begins with.
    var first: TestTarget
    /// Its place in the record of the datapath.
    var number: UInt32
    /// 0 drops, 1 lets pass, 2 asks the next tier, 3 lets pass untracked, 4 drops and tells the sender; anything else
    /// drops. Of a QoS rule the code point that it gives.
    var action: UInt32
    var tier: UInt16
    /// 0 if its decisions are not logged.
    var logs: UInt16

    static let drop: UInt32 = 0
    static let allow: UInt32 = 1
    static let pass: UInt32 = 2
    static let allowStateless: UInt32 = 3
    static let reject: UInt32 = 4
}

/// The way on from a test: another test behind it, or the end.
struct TestTarget: Equatable {
    var index: UInt32

    static let isTrue = TestTarget(index: .max)
    static let isFalse = TestTarget(index: .max - 1)
}

/// 128 bits that may lie at any multiple of 8 octets, as whatever is in a file.
struct WideValue {
    private var high: UInt64
    private var low: UInt64

    init(_ value: UInt128) {
        high = UInt64(truncatingIfNeeded: value >> 64)
        low = UInt64(truncatingIfNeeded: value)
    }

    var value: UInt128 { UInt128(high) &<< 64 | UInt128(low) }
}

/// A test of bits of a field.
struct TestRow {
    /// The first value of a range, the value under the mask, or the number of the set.
    var value: WideValue
    /// The last value of a range, or the mask.
    var limit: WideValue
    /// `IntervalRow`s in ascending order, none of which meet.
    var intervals: Extent
    var onTrue: TestTarget
    var onFalse: TestTarget
    /// A `FilterField`.
    var field: UInt8
    var shift: UInt8
    var bitCount: UInt8
    /// 0 for a range, 1 for a mask, 2 for intervals, 3 for a set.
    var kind: UInt8

    static let range: UInt8 = 0
    static let mask: UInt8 = 1
    static let intervals: UInt8 = 2
    static let set: UInt8 = 3
}

/// An address set or a port group that tests of a datapath's ACLs name.
struct SetRow {
    /// `SetPartRow`s by ascending value.
    var parts: Extent
}

/// Some intervals of a set: those from a value to that of the next part.
struct SetPartRow {
    var first: WideValue
    /// `IntervalRow`s in ascending order, none of which meet.
    var intervals: Extent
}

/// Members that some set or group of a datapath's ACLs has gained or lost.
struct ChangedMembersRow {
    /// An address, or the key of a port.
    var first: WideValue
    var last: WideValue
    /// The change that did it.
    var generation: UInt32
    /// 4 or 6 for addresses of that family, 0 for ports.
    var family: UInt32

    /// Rows of a datapath: with more changes all that was decided before the older ones is decided anew.
    static let countMaximum = 64
}

/// The values from one to another, both included.
struct IntervalRow {
    var first: WideValue
    var last: WideValue
}

/// A field that ACLs can test, as frames on their way through the pipeline have it.
enum FilterField: UInt8, CaseIterable {
    case inport
    case outport
    case ethernetSource
    case ethernetDestination
    case ethernetType
    case vlanTag
    case ipProtocol
    case ipDSCP
    case ipECN
    case ipTTL
    case ipFragment
    case ipv4Source
    case ipv4Destination
    case ipv6Source
    case ipv6Destination
    case ipv6Label
    case messageType
    case messageCode
    case arpOperation
    case arpSenderIP
    case arpSenderMAC
    case arpTargetIP
    case arpTargetMAC
    case sourcePort
    case destinationPort
    case sctpSourcePort
    case sctpDestinationPort
    case tcpFlags
}
