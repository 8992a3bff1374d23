extension NbCommand {
    /// The verbs about sets of DHCP options.
    static let dhcpVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "dhcp-options-create",
            parameters: "[NAME] CIDR [KEY=VALUE]...",
            count: 1...Int.max,
            abstract: "Make a set of DHCP options for a network.",
            details: """
                Prints its UUID. KEY=VALUE are options by OVN's names, not external IDs as in OVN: an IPv4
                network needs server_id and lease_time, an IPv6 network server_id, a MAC address. Without
                any, nothing is answered until dhcp-options-set-options. Without NAME it is
                dhcp-ADDRESS-LENGTH.
                """,
            examples: [
                "heddle nb dhcp-options-create 172.16.255.0/24 server_id=172.16.255.1 lease_time=3600",
                "heddle nb dhcp-options-create dhcp1 172.16.255.0/24 server_id=172.16.255.1 lease_time=3600 "
                    + "router=172.16.255.1",
            ]
        ) { words throws(ClientError) in
            let hasName = !words[0].contains("/")
            guard words.arguments.count > (hasName ? 1 : 0) else {
                throw .usage("'\(words[0])' is not a network; write ADDRESS/LENGTH, for example 172.16.255.0/24")
            }
            let cidr = words[hasName ? 1 : 0]
            return .dhcpOptionsCreate(
                name: hasName
                    ? try words.reference(0, of: "set of DHCP options") : "dhcp-" + cidr.replacing("/", with: "-"),
                cidr: cidr,
                options: try pairs(Array(words.arguments.dropFirst(hasName ? 2 : 1)))
            )
        },
        ControlVerb(
            "dhcp-options-del",
            options: ["--if-exists"],
            parameters: "DHCP-OPTIONS",
            count: 1...1,
            abstract: "Delete a set of DHCP options that no port refers to.",
            examples: ["heddle nb dhcp-options-del dhcp1"]
        ) { words throws(ClientError) in
            .dhcpOptionsDel(
                try words.reference(0, of: "set of DHCP options"),
                ifExists: words.options.contains("--if-exists")
            )
        },
        ControlVerb(
            "dhcp-options-list",
            abstract: "List the sets of DHCP options.",
            examples: ["heddle nb dhcp-options-list"]
        ) { _ in .dhcpOptionsList },
        ControlVerb(
            "dhcp-options-set-options",
            parameters: "DHCP-OPTIONS [KEY=VALUE]...",
            count: 1...Int.max,
            abstract: "Set all options of a set of DHCP options.",
            details: """
                Options that are not named are removed.
                """,
            examples: ["heddle nb dhcp-options-set-options dhcp1 server_id=172.16.255.1 lease_time=7200"]
        ) { words throws(ClientError) in
            .dhcpOptionsSet(
                try words.reference(0, of: "set of DHCP options"),
                try pairs(Array(words.arguments.dropFirst()))
            )
        },
        ControlVerb(
            "dhcp-options-get-options",
            parameters: "DHCP-OPTIONS",
            count: 1...1,
            abstract: "Print the options of a set of DHCP options.",
            examples: ["heddle nb dhcp-options-get-options dhcp1"]
        ) { words throws(ClientError) in .dhcpOptionsGet(try words.reference(0, of: "set of DHCP options")) },
    ]
}
