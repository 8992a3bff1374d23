import Testing

@testable import Client

/// Every verb of OVN's programs is here, or is answered with what to use.
@Suite struct OVNVerbTests {
    /// Those of ovn-nbctl 23.03, as its --commands lists them.
    static let northbound = """
        acl-add acl-del acl-list add clear comment copp-add copp-del copp-list create del-connection del-ssl destroy
        dhcp-options-create dhcp-options-del dhcp-options-get-options dhcp-options-list dhcp-options-set-options
        find fwd-group-add fwd-group-del fwd-group-list get get-connection get-ssl ha-chassis-group-add
        ha-chassis-group-add-chassis ha-chassis-group-del ha-chassis-group-list ha-chassis-group-remove-chassis
        ha-chassis-group-set-chassis-prio init lb-add lb-del lb-list list lr-add lr-copp-add lr-del lr-lb-add
        lr-lb-del lr-lb-list lr-list lr-nat-add lr-nat-del lr-nat-list lr-nat-update-ext-ip lr-policy-add
        lr-policy-del lr-policy-list lr-route-add lr-route-del lr-route-list lrp-add lrp-del lrp-del-gateway-chassis
        lrp-get-enabled lrp-get-gateway-chassis lrp-get-redirect-type lrp-list lrp-set-enabled
        lrp-set-gateway-chassis lrp-set-options lrp-set-redirect-type ls-add ls-copp-add ls-del ls-lb-add ls-lb-del
        ls-lb-list ls-list lsp-add lsp-attach-mirror lsp-del lsp-detach-mirror lsp-get-addresses
        lsp-get-dhcpv4-options lsp-get-dhcpv6-options lsp-get-enabled lsp-get-ls lsp-get-options lsp-get-parent
        lsp-get-port-security lsp-get-tag lsp-get-type lsp-get-up lsp-list lsp-set-addresses lsp-set-dhcpv4-options
        lsp-set-dhcpv6-options lsp-set-enabled lsp-set-options lsp-set-port-security lsp-set-type meter-add
        meter-del meter-list mirror-add mirror-del mirror-list pg-add pg-del pg-set-ports qos-add qos-del qos-list
        remove set set-connection set-ssl show static-mac-binding-add static-mac-binding-del static-mac-binding-list
        sync wait-until
        """

    /// Those of ovn-sbctl 23.03.
    static let southbound = """
        add chassis-add chassis-del clear comment count-flows create del-connection del-ssl destroy dump-flows find
        get get-connection get-ssl init ip-multicast-flush lflow-list list lsp-bind lsp-unbind remove set
        set-connection set-ssl show wait-until
        """

    private static func words(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\n" }.map(String.init)
    }

    @Test(arguments: words(northbound))
    func `a verb of ovn-nbctl is known`(verb: String) {
        let isOwn = NbCommand.grammar.verbs.contains { $0.name == verb }
        #expect(isOwn != (ForeignVerbs.northbound.remedy(for: verb) != nil))
    }

    @Test(arguments: words(southbound))
    func `a verb of ovn-sbctl is known`(verb: String) {
        let isOwn = SbCommand.grammar.verbs.contains { $0.name == verb }
        #expect(isOwn != (ForeignVerbs.southbound.remedy(for: verb) != nil))
    }

    /// The tables of OVN_Northbound 7.0 and OVN_Southbound 20.27.
    @Test(arguments: [
        (
            OVNDatabase.northbound,
            """
            ACL Address_Set BFD Chassis_Template_Var Connection Copp DHCP_Options DNS Forwarding_Group Gateway_Chassis
            HA_Chassis HA_Chassis_Group Load_Balancer Load_Balancer_Group Load_Balancer_Health_Check Logical_Router
            Logical_Router_Policy Logical_Router_Port Logical_Router_Static_Route Logical_Switch Logical_Switch_Port
            Meter Meter_Band Mirror NAT NB_Global Port_Group QoS SSL Static_MAC_Binding
            """
        ),
        (
            .southbound,
            """
            Address_Set BFD Chassis Chassis_Private Chassis_Template_Var Connection Controller_Event DHCP_Options
            DHCPv6_Options DNS Datapath_Binding Encap FDB Gateway_Chassis HA_Chassis HA_Chassis_Group IGMP_Group
            IP_Multicast Load_Balancer Logical_DP_Group Logical_Flow MAC_Binding Meter Meter_Band Mirror Multicast_Group
            Port_Binding Port_Group RBAC_Permission RBAC_Role SB_Global SSL Service_Monitor Static_MAC_Binding
            """
        ),
    ])
    func `a table of OVN is known`(database: OVNDatabase, names: String) {
        for name in Self.words(names) {
            let isOwn = database.tables.contains { $0.name == name }
            #expect(isOwn != database.foreignTables.contains { $0.name == name }, "\(name)")
        }
    }

    @Test(arguments: [
        ("ls1", 1), ("LOGICAL-SWITCH-PORT", 0), ("logical_switch", 0), ("port", 0), ("Logical_R", 2), ("ac", 0),
        ("nat", 3), ("", 1), ("log", 2),
    ])
    func `a table is named in any case, or by its beginning`(word: String, fault: Int) {
        do throws(ClientError) {
            let table = try OVNTable.named(word, in: .northbound)
            #expect(fault == 0, "\(table.name)")
        } catch {
            let pieces = ["nothing", "unknown table", "matches multiple", "exists in OVN, but not here"]
            #expect(fault > 0 && error.message.contains(pieces[fault]), "\(error.message)")
        }
    }
}
