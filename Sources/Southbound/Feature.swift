/// The names in `features` of a sync: each kind of record that an agent applies, and those of its members
/// (`KIND.MEMBER`) that were added later and that a host has to obey.
///
/// Agents leave out kinds and members that they do not know. A member that keeps something out (an ACL, a tag) would so
/// let it in on an older host: whoever adds one names it here, in the same commit, and central binds no port that needs
/// it to a host whose agent does not say it (`unsupported_by_chassis`).
public enum Feature {
    /// That a host tags datagrams, if it is told to, and demands tags of hosts that have keys.
    public static let tunnelKeys = "chassis.tunnel_keys"
    /// That a host answers the DHCPv4 requests of a port (`ls_in_dhcp_options`).
    public static let dhcpv4 = "port_binding.dhcpv4_options"
    /// That a host answers the DHCPv6 requests of a port (`ls_in_dhcp_options`).
    public static let dhcpv6 = "port_binding.dhcpv6_options"
    /// That a host answers DNS queries, by records and by the names of ports (`ls_in_dns_lookup`).
    public static let dns = "datapath_binding.dns_records"
    /// That a host answers router solicitations.
    public static let routerAdvertisement = "datapath_binding.router_advertisement"
    /// That a host drops the router advertisements of ports.
    public static let routerGuard = "datapath_binding.ra_guard"
    /// That a host drops what DHCP servers send from ports.
    public static let dhcpGuard = "datapath_binding.dhcp_guard"

    /// That a host keeps a port shut that is standby there, and opens it when its guest has announced itself. Asked of
    /// the host that a guest moves to.
    public static let standby = "port_binding.locations.standby"

    /// That a host copies the frames of a port to mirrors.
    public static let mirrors = "port_binding.mirrors"

    /// The features that the host of any port needs: the kinds of record that agents of every version apply. Tags are
    /// not among them: a host without a key gets no tags.
    public static let basic = [RecordKind.chassis, .datapathBinding, .portBinding].map(\.rawValue)

    /// That a host bounds what a guest sends.
    public static let sendingRate = "port_binding.sending_rate"

    /// That a host lets virtual routers of a port pass, and its own MAC address not by their entries (VRRPv3).
    public static let virtualRouters = "port_binding.port_security.virtual_macs"

    /// That a host tells of the parents that claim virtual addresses, and sends the frames for those to them.
    public static let virtualPorts = "port_binding.virtual_parents"

    /// That a host tells the frames of nested ports from their parents' by tags.
    public static let nestedPorts = "port_binding.parent_port"

    /// That a host keeps what routers and DHCP servers send from leaving a port by what its binding says.
    public static let portGuards = "port_binding.guards"

    /// That a host asks the ACLs of a switch.
    public static let filter = "datapath_binding.filter"

    /// That a host tracks the connections of a switch whose ACLs have the action `allow-related`.
    public static let connections = "datapath_binding.filter.allow_related"

    /// That a host tells senders of what ACLs of the action `reject` stop.
    public static let rejections = "datapath_binding.filter.reject"

    /// That a host marks the packets of a switch by its QoS rules.
    public static let markings = "datapath_binding.filter.qos_rules"

    /// That a host takes patches of datapaths (`FilterPatch`). No port needs it: other hosts are told whole records.
    public static let filterPatches = "datapath_binding.filter.patch"

    /// That a host joins switches to physical networks, and sends nothing of such a switch through tunnels.
    public static let physicalNetworks = "port_binding.network_name"

    /// That a host joins a switch to a physical network on its own, for all hosts of that switch.
    public static let l2Gateways = "port_binding.gateway_network"

    /// That a host keeps a trunk port to its VLANs.
    public static let trunks = "port_binding.trunk"

    /// That a host sends router advertisements unasked.
    public static let periodicAdvertisement = "datapath_binding.router_advertisement.max_interval"

    /// That a host sends frames to multicast groups to their members.
    public static let multicastSnooping = "datapath_binding.multicast_snooping"

    /// That a host replies to questions of central's (``HostQuery``).
    public static let queries = "ask"

    /// All that agents of this version apply. A stage that obeys a member puts its feature here.
    public static let all: [String] =
        RecordKey.kinds + [
            tunnelKeys, dhcpv4, dhcpv6, dns, routerAdvertisement, routerGuard, dhcpGuard, virtualRouters,
            virtualPorts, portGuards, periodicAdvertisement, standby, filter, connections, rejections, mirrors,
            sendingRate, nestedPorts, physicalNetworks, l2Gateways, trunks, multicastSnooping,
            queries, filterPatches, markings,
        ]
}
