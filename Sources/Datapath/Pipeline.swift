// The stages that a frame goes through, in OVN's order and by OVN's names (northd/northd.h, `PIPELINE_STAGES`). A stage
// is added by a line here, a file in Stages and its twin in Tests/DatapathTests/Oracle.

/// Ingress of a logical switch: what one of its ports has sent, on the host of that port.
enum SwitchIngress: StageList {
    @inline(__always)
    static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
        walk.passes(Admission.self)  // ls_in_check_port_sec
            && walk.passes(IngressTrunk.self)  // none of OVN's
            && walk.passes(IngressPortSecurity.self)  // ls_in_apply_port_sec
            && walk.passes(IngressActivation.self)  // none of OVN's
            && walk.passes(SourceLearning.self)  // ls_in_lookup_fdb, ls_in_put_fdb
            && walk.passes(ServerGuard.self)  // none of OVN's
            && walk.passes(IngressFilter.self)  // ls_in_acl_eval
            && walk.passes(IngressMarking.self)  // ls_in_qos
            && walk.passes(VirtualClaim.self)  // ls_in_arp_rsp
            && walk.passes(NeighborReply.self)  // ls_in_arp_rsp
            && walk.passes(RouterReply.self)  // lr_in_nd_ra_options
            && walk.passes(DHCPReply.self)  // ls_in_dhcp_options
            && walk.passes(NameReply.self)  // ls_in_dns_lookup
            && walk.passes(MulticastLookup.self)  // ls_in_l2_lkup
            && walk.passes(DestinationLookup.self)  // ls_in_l2_lkup
            && walk.passes(UnknownDestination.self)  // ls_in_l2_unknown
    }
}

/// Frames from a tunnel: ingress ran on the host that they came from.
enum TunnelIngress: StageList {
    @inline(__always)
    static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
        walk.passes(SourceLearning.self)  // ls_out_lookup_fdb, ls_out_put_fdb
            && walk.passes(TunnelDestination.self)  // local_output
    }
}

/// Egress of a logical switch, on the host of the port that the frame goes to, once for each port.
enum SwitchEgress: StageList {
    @inline(__always)
    static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
        walk.passes(EgressActivation.self)  // none of OVN's
            && walk.passes(EgressTrunk.self)  // none of OVN's
            && walk.passes(EgressFilter.self)  // ls_out_acl_eval
            && walk.passes(EgressMarking.self)  // ls_out_qos
            && walk.passes(EgressPortSecurity.self)  // ls_out_check_port_sec
            && walk.passes(PortOutput.self)  // ls_out_apply_port_sec
    }
}
