import CLinux
import Glibc
import Reactor

/// Keeps the host's own stack away from a device whose frames belong to a logical network: otherwise the host would
/// answer its guest's ARP requests with the host's own addresses, and be reached by it.
extension Link {
    /// The handle of the discipline `clsact` and, with one of two endings, the parents of its filters (pkt_sched.h).
    private static let actionHandle: UInt32 = 0xffff_0000
    private static let actionParent: UInt32 = 0xffff_fff1
    private static let filterParents: [UInt32] = [0xffff_fff2, 0xffff_fff3]
    /// The priority of our filters: before all others.
    private static let priority: UInt32 = 1
    private static let allProtocols = UInt32(UInt16(CLINUX_ETH_P_ALL).bigEndian)
    private static let filterInfo = priority << 16 | allProtocols

    /// Has the kernel drop what the device receives, after packet sockets have had it, and what the host sends to it,
    /// but not what packet sockets send past the queues. The device makes no IPv6 address for the host.
    /// - Throws: EOPNOTSUPP or ENOENT when the kernel has no traffic classifier (`sch_ingress`, `cls_bpf`).
    func shutHostOut() throws(SystemError) {
        var socket = try NetlinkSocket()
        // A kernel without IPv6 has nothing to forbid.
        try? socket.acknowledge("netlink RTM_NEWLINK \(name) addrgenmode", type: Int(RTM_NEWLINK)) { request in
            request.appendLinkHeader(index: index)
            request.appendNested(Int(IFLA_AF_SPEC)) { families in
                families.appendNested(Int(AF_INET6)) { family in
                    // IN6_ADDR_GEN_MODE_NONE
                    family.appendAttribute(Int(IFLA_INET6_ADDR_GEN_MODE), [1])
                }
            }
        }
        do throws(SystemError) {
            let flags = NLM_F_CREATE | NLM_F_EXCL
            try socket.acknowledge("netlink RTM_NEWQDISC \(name)", type: Int(RTM_NEWQDISC), flags: flags) { request in
                request.appendTrafficHeader(index: index, handle: Self.actionHandle, parent: Self.actionParent)
                request.appendAttribute(Int(TCA_KIND), text: "clsact")
            }
        } catch {
            if error.errno != EEXIST { throw error }
        }
        for parent in Self.filterParents {
            let call = "netlink RTM_NEWTFILTER \(name)"
            try socket.acknowledge(call, type: Int(RTM_NEWTFILTER), flags: NLM_F_CREATE) { request in
                request.appendTrafficHeader(index: index, handle: 1, parent: parent, info: Self.filterInfo)
                request.appendAttribute(Int(TCA_KIND), text: "bpf")
                request.appendNested(Int(TCA_OPTIONS)) { options in
                    // One instruction, "return TC_ACT_SHOT": its code, two jumps that it does not make, the value.
                    let value = Self.octets(of: UInt32(TC_ACT_SHOT))
                    let instruction = Self.octets(of: UInt16(BPF_RET)) + [0, 0] + value
                    options.appendAttribute(Int(TCA_BPF_OPS_LEN), Self.octets(of: UInt16(1)))
                    options.appendAttribute(Int(TCA_BPF_OPS), instruction)
                    options.appendAttribute(Int(TCA_BPF_NAME), text: "heddle")
                    options.appendAttribute(Int(TCA_BPF_FLAGS), UInt32(TCA_BPF_FLAG_ACT_DIRECT))
                }
            }
        }
    }

    /// Gives the device of the calling thread's namespace back to the host's stack; filters that are gone already are
    /// no failure.
    public func letHostIn() throws(SystemError) {
        var socket = try NetlinkSocket()
        for parent in Self.filterParents {
            do throws(SystemError) {
                try socket.acknowledge("netlink RTM_DELTFILTER \(name)", type: Int(RTM_DELTFILTER)) { request in
                    request.appendTrafficHeader(index: index, handle: 1, parent: parent, info: Self.filterInfo)
                    request.appendAttribute(Int(TCA_KIND), text: "bpf")
                }
            } catch {
                guard [ENOENT, EINVAL, ENODEV].contains(error.errno) else { throw error }
            }
        }
    }

    private static func octets(of value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }
}
