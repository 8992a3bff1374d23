/// One command of `heddle nb`, as the user wrote it: switches and ports are named by name or UUID.
public enum NbCommand: Equatable, Sendable {
    case lsAdd(String, mayExist: Bool)
    /// Delete a switch and its ports.
    case lsDel(String, ifExists: Bool)
    case lsList
    /// Add a port, nested in a parent or not.
    case lspAdd(switch: String, port: String, nesting: Nesting?, mayExist: Bool)
    case lspDel(String, ifExists: Bool)
    case lspList(switch: String)
    /// Change something of a port.
    case lspSet(String, PortSetting)
    /// Print something of a port.
    case lspGet(String, PortColumn)
    /// Make a set of DHCP options.
    case dhcpOptionsCreate(name: String, cidr: String, options: [String: String])
    /// Delete a set of DHCP options.
    case dhcpOptionsDel(String, ifExists: Bool)
    case dhcpOptionsList
    /// Set all options of a set.
    case dhcpOptionsSet(String, [String: String])
    /// Print the options of a set.
    case dhcpOptionsGet(String)
    /// Make a port group.
    case pgAdd(String, ports: [String])
    /// Delete a port group.
    case pgDel(String)
    /// Set all ports of a port group.
    case pgSetPorts(String, ports: [String])
    /// Print the ports of a port group.
    case pgGetPorts(String)
    /// Make an ACL of a switch or a port group.
    case aclAdd(NbACL)
    /// Delete ACLs of a switch or a port group.
    case aclDel(String, NbACLFilter)
    /// Print the ACLs of a switch or a port group.
    case aclList(String)
    /// Make a QoS rule of a switch.
    case qosAdd(NbQoS)
    /// Delete QoS rules of a switch.
    case qosDel(String, NbACLFilter)
    /// Print the QoS rules of a switch.
    case qosList(String)
    /// Make a mirror.
    case mirrorAdd(name: String, type: String, index: Int64, filter: String, sink: String)
    /// Delete a mirror.
    case mirrorDel(String, ifExists: Bool)
    /// Add a rule to a mirror.
    case mirrorRuleAdd(String, MirrorRule)
    /// Delete the rules of a mirror: all, those of a priority, or the one with a match.
    case mirrorRuleDel(String, priority: Int64?, match: String?)
    case mirrorList
    /// Print the switch of a port.
    case lspGetSwitch(String)
    /// Print a switch.
    case lsGet(String)
    /// Print or change rows of OVN's tables.
    case database(DatabaseCommand)
    /// Print the switches with their ports, or one of them.
    case show(switch: String?)
    /// Change nothing, but wait as `--wait` says.
    case sync

    /// The parent of a nested port and the tag that is asked for, 0 for any.
    public struct Nesting: Equatable, Sendable {
        public var parent: String
        public var tagRequest: Int64
    }

    /// A column of a port that a command sets.
    public enum PortSetting: Equatable, Sendable {
        /// `lsp-set-addresses`: each `MAC [IP ...]`, `unknown` or dynamic.
        case addresses([String])
        /// `lsp-set-port-security`: each `MAC [IP[/LENGTH] ...]` or `dynamic`.
        case portSecurity([String])
        /// `lsp-set-type`: empty for a guest's.
        case type(String)
        /// `lsp-set-enabled`.
        case enabled(Bool)
        /// `lsp-set-options`: all keys that the port has from then on, `requested-chassis` among them.
        case options([String: String])
        /// `lsp-set-dhcpv4-options`: a name or UUID, or none.
        case dhcpv4Options(String?)
        /// `lsp-set-dhcpv6-options`: a name or UUID, or none.
        case dhcpv6Options(String?)
        /// `lsp-attach-mirror`: a name or UUID.
        case attachMirror(String, mayExist: Bool)
        /// `lsp-detach-mirror`: a name or UUID.
        case detachMirror(String, ifExists: Bool)
    }

    /// A rule about which frames a mirror gets.
    public struct MirrorRule: Equatable, Sendable {
        public var priority: Int64
        public var match: String
        /// `mirror` or `skip`.
        public var action: String
    }

    /// A column of a port that a command prints.
    public enum PortColumn: Equatable, Sendable {
        /// `lsp-get-addresses`.
        case addresses
        /// `lsp-get-port-security`.
        case portSecurity
        /// `lsp-get-parent`.
        case parent
        /// `lsp-get-tag`.
        case tag
        /// `lsp-get-type`.
        case type
        /// `lsp-get-up`.
        case up
        /// `lsp-get-enabled`.
        case enabled
        /// `lsp-get-options`.
        case options
        /// `lsp-get-dhcpv4-options`.
        case dhcpv4Options
        /// `lsp-get-dhcpv6-options`.
        case dhcpv6Options
    }

    /// True if the command only prints.
    var onlyReads: Bool {
        switch self {
        case .lsList, .lspList, .lspGet, .show, .dhcpOptionsList, .dhcpOptionsGet, .pgGetPorts, .aclList, .qosList,
            .mirrorList, .lspGetSwitch, .lsGet:
            true
        case .database(let command): command.onlyReads
        case .lsAdd, .lsDel, .lspAdd, .lspDel, .lspSet, .sync, .dhcpOptionsCreate, .dhcpOptionsDel, .dhcpOptionsSet,
            .pgAdd, .pgDel, .pgSetPorts, .aclAdd, .aclDel, .qosAdd, .qosDel, .mirrorAdd, .mirrorDel, .mirrorRuleAdd,
            .mirrorRuleDel:
            false
        }
    }
}
