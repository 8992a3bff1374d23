extension OVNDatabase {
    /// The tables that OVN has and this network has not, with what to use.
    var foreignTables: [(name: String, remedy: String)] {
        switch self {
        case .northbound: Self.northboundTables
        case .southbound: Self.southboundTables
        }
    }

    private static func all(_ names: [String], _ remedy: String) -> [(name: String, remedy: String)] {
        names.map { ($0, remedy) }
    }

    private static let noRouters = "logical routers are not in this version"
    private static let noBalancers = "load balancers are not in this version"
    private static let noGateways = "gateways are not in this version"
    private static let ownConnections = "central's options say where it listens and what certificate it shows"

    private static let northboundTables =
        all(
            [
                "Logical_Router", "Logical_Router_Policy", "Logical_Router_Port", "Logical_Router_Static_Route", "NAT",
                "BFD", "Static_MAC_Binding",
            ],
            noRouters
        )
        + all(
            [
                "Load_Balancer", "Load_Balancer_Group", "Load_Balancer_Health_Check", "Forwarding_Group",
                "Chassis_Template_Var",
            ],
            noBalancers
        )
        + all(["Gateway_Chassis", "HA_Chassis", "HA_Chassis_Group"], noGateways)
        + all(["Connection", "SSL"], ownConnections)
        + all(["Meter", "Meter_Band", "Copp"], "hosts bound by themselves what guests may ask of them")
        + all(["NB_Global"], "central's options and 'heddle nb --wait=hv sync' take its place")

    private static let southboundTables =
        all(["Logical_Flow", "Logical_DP_Group"], "there are no logical flows: each host makes its tables itself")
        + all(["MAC_Binding", "Static_MAC_Binding", "BFD"], noRouters)
        + all(["Load_Balancer", "Service_Monitor", "Chassis_Template_Var"], noBalancers)
        + all(["Gateway_Chassis", "HA_Chassis", "HA_Chassis_Group"], noGateways)
        + all(["Connection", "SSL"], ownConnections)
        + all(["Meter", "Meter_Band", "Controller_Event"], "hosts bound by themselves what guests may ask of them")
        + all(["FDB"], "hosts keep what they learn: 'heddle mac list' on one shows it")
        + all(["IGMP_Group", "IP_Multicast"], "hosts keep who is a member: 'heddle multicast' on one shows it")
        + all(["Address_Set", "Port_Group", "DNS", "Mirror"], "'heddle nb list' has it")
        + all(["DHCP_Options", "DHCPv6_Options"], "'heddle get dhcp-responders' has what hosts answer")
        + all(["Chassis_Private"], "'heddle get chassis' tells how a host is")
        + all(["RBAC_Role", "RBAC_Permission"], "a host acts as itself only; 'heddle token' is for users")
        + all(["SB_Global"], "'heddle nb --wait=hv sync' tells whether hosts are up to date")
}
