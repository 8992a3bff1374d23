import Wire

/// Table `ls_in_l2_lkup`, priorities 80 to 100, on switches with `mcast_snoop`: frames to a multicast group go to its
/// members and to multicast routers, and messages of IGMP and MLD tell who these are.
///
/// Members are in the tables, as the agent knows them; the facts that a frame tells of them go to the agent
/// (``MembershipNews``).
enum MulticastLookup: Stage {
    static var name: StaticString { "ls_in_l2_lkup_mcast" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.datapath.pointee.services.contains(.snooping), context.isMulticast else { return .next }
        let datapath = context.datapath
        switch audience(&context, tables) {
        case .everybody: return .next
        case .nodes: return context.flood(to: datapath.pointee.flood, key: GroupKey.flood)
        case .all: return output(&context, to: datapath.pointee.flood, or: .hairpin, tables)
        case .reporters:
            let group = GroupRow(locals: datapath.pointee.reporters, remotes: datapath.pointee.flood.remotes)
            return output(&context, to: group, or: .multicastReport, tables)
        case .members(let group): return output(&context, to: group, or: .multicastUnregistered, tables)
        case .nobody(let reason): return .drop(reason)
        }
    }

    private static func output(
        _ context: inout Context,
        to group: GroupRow,
        or reason: DropReason,
        _ tables: Tables
    ) -> Step {
        guard group.locals.count + group.remotes.count > 0 else { return .drop(reason) }
        let hasOthers = group.remotes.count > 0 || tables.hasMember(group.locals, besides: context.ingress)
        guard hasOthers else { return .drop(.hairpin) }
        return context.flood(to: group, key: GroupKey.members)
    }

    /// The ports of this host that a frame from a tunnel is for, whose egress key is that of members; `nil` for none.
    static func locals(_ context: inout Context, _ tables: Tables) -> (Extent, none: DropReason) {
        let datapath = context.datapath
        // A host that does not know yet that members are asked for has all ports get all frames.
        guard datapath.pointee.services.contains(.snooping), context.isMulticast else {
            return (datapath.pointee.flood.locals, .noLocalMember)
        }
        switch audience(&context, tables) {
        case .everybody, .nodes, .all: return (datapath.pointee.flood.locals, .noLocalMember)
        case .reporters: return (datapath.pointee.reporters, .multicastReport)
        case .members(let group): return (group.locals, .multicastUnregistered)
        case .nobody(let reason): return (.empty, reason)
        }
    }

    /// Those who get a multicast frame.
    private enum Audience {
        /// As on a switch that asks nobody.
        case everybody
        /// All ports, `_MC_flood`.
        case nodes
        /// All ports, of a frame that teaches.
        case all
        /// The ports that get reports.
        case reporters
        case members(GroupRow)
        case nobody(DropReason)
    }

    private static func audience(_ context: inout Context, _ tables: Tables) -> Audience {
        let key: KeyRow
        switch context.network {
        case .arp, .foreignARP, .opaque, .malformed: return .everybody
        case .ipv4:
            if context.transport == IPProtocol.igmp, let audience = audience(ofMessageIn: &context) { return audience }
            let destination = context.ipv4Destination
            // RFC 4541 section 2.1.2: those of the link go to all.
            guard destination >> 28 == 0xe, destination >> 8 != 0xe0_0000 else { return .everybody }
            key = KeyRow(.multicastGroup, low: UInt64(destination), value: 0)
        case .ipv6:
            if context.isICMPv6, let audience = audience(ofMessageIn: &context) { return audience }
            let destination = context.ipv6Destination
            guard destination.isMulticast else { return .everybody }
            if destination.isFlooded { return .nodes }
            key = KeyRow(.multicastGroup, high: destination.high, low: destination.low, value: 0)
        }
        let datapath = context.datapath.pointee
        // A host that has not heard all members yet leaves out none.
        if datapath.services.contains(.listening) { return .all }
        if let found = tables.find(key, in: datapath.groups),
            let group = tables.row(GroupRow.self, at: Reference(truncatingIfNeeded: found.pointee.mac))
        {
            return .members(group.pointee)
        }
        return datapath.services.contains(.floodsUnregistered) ? .everybody : .members(datapath.multicastRouters)
    }

    /// Those who get a message of IGMP or MLD; `nil` if the frame is none.
    private static func audience(ofMessageIn context: inout Context) -> Audience? {
        switch context.contents.membershipMessage {
        case .none: return nil
        case .malformed: return .nobody(.multicastMalformed)
        case .whole(let message):
            context.tellsMembers = true
            return message.kind == .query ? .all : .reporters
        }
    }
}

extension IPv6Address {
    /// OVN's `ip6.mcast_flood`: reserved groups, all nodes, all routers and solicited nodes (RFC 4291 section 2.7.1).
    var isFlooded: Bool {
        // ff0X::/128
        if high >> 52 == 0xff0, high << 16 == 0, low == 0 { return true }
        switch (high, low) {
        case (0xff01 << 48, 1), (0xff02 << 48, 1): return true
        case (0xff01 << 48, 2), (0xff02 << 48, 2), (0xff05 << 48, 2): return true
        default: return high == 0xff02 << 48 && low >> 24 == 0x1ff
        }
    }
}

/// A message of IGMP or MLD that a frame may be.
enum FoundMembershipMessage {
    case none
    /// Cut short, a fragment, or with a wrong checksum.
    case malformed
    case whole(MembershipMessage)
}

extension Frame {
    /// The message of IGMP or MLD that the frame is.
    var membershipMessage: FoundMembershipMessage {
        let isIGMP = network == .ipv4 && transport == IPProtocol.igmp
        if !isIGMP {
            guard isICMPv6, hopLimit == 1, hasICMPv6, MembershipMessage.isMLD(icmpType) else { return .none }
        }
        let octets = transportOctets
        guard transportByteCount > 0, !isHeadlessFragment, !hasIPv6Fragment,
            !(isIGMP && ipv4FragmentWord & 0x3fff != 0)
        else { return .malformed }
        do throws(HeaderError) {
            let message = try MembershipMessage(parsing: octets.span, isIGMP ? .igmp : .mld)
            var sum = InternetChecksum()
            if !isIGMP {
                sum.addPseudoHeader(
                    source: ipv6Source,
                    destination: ipv6Destination,
                    byteCount: UInt32(truncatingIfNeeded: octets.count),
                    nextHeader: IPProtocol.icmpv6
                )
            }
            sum.add(octets.span)
            return sum.value == 0 ? .whole(message) : .malformed
        } catch {
            // Other protocols of routers have types of IGMP, too.
            return error == .unsupportedType ? .none : .malformed
        }
    }
}

/// The things that a message of IGMP or MLD tells of a port.
public struct MembershipNews {
    /// The key of the datapath, and that of the port on it.
    public let vni: UInt32
    public let portKey: UInt16
    /// The groups that it names, at most; 1 for a query.
    public let count: Int
    private let frame: Frame
    private let message: MembershipMessage

    /// A fact about a port and a group.
    public enum Fact: UInt8, Sendable {
        case joined
        case left
        /// The port leads to a multicast router; of no group.
        case router
    }

    init?(_ frame: Frame, keys: UInt64) {
        guard case .whole(let message) = frame.membershipMessage else { return nil }
        vni = UInt32(truncatingIfNeeded: keys &>> 32 & 0xff_ffff)
        portKey = UInt16(truncatingIfNeeded: keys &>> 16)
        count = max(1, message.recordCount)
        self.frame = frame
        self.message = message
    }

    /// Calls `body` with each fact; a group of IPv4 is in the lowest 32 bits.
    @inline(__always)
    public func forEach(_ body: (Fact, IPv6Address) -> Void) {
        guard message.kind == .report else {
            // A sender without an address is no router (RFC 4541 section 2.1.1).
            let isKnown = message.family == .igmp ? frame.ipv4Source != 0 : frame.ipv6Source != .any
            if isKnown { body(.router, .any) }
            return
        }
        let family = message.family
        message.forEachRecord(of: frame.transportOctets.span) { record in
            let isLearnt =
                family == .igmp
                ? record.group.low >> 28 == 0xe && record.group.low >> 8 != 0xe0_0000
                : record.group.isMulticast && !record.group.isFlooded
            if isLearnt { body(record.isLeave ? .left : .joined, record.group) }
        }
    }
}
