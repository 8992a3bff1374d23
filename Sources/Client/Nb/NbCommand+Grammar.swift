extension NbCommand {
    /// The verbs of `heddle nb`: those of ovn-nbctl that the L2 network needs.
    public static let grammar = ControlGrammar<NbCommand>(
        program: "heddle nb",
        abstract: "Change and show the logical network, with ovn-nbctl's commands.",
        verbs: switchVerbs + portVerbs + portColumnVerbs + identityVerbs + portGroupVerbs + aclVerbs + qosVerbs
            + dhcpVerbs + mirrorVerbs + databaseVerbs + otherVerbs,
        waits: true,
        foreignVerbs: .northbound,
        database: .northbound
    )

    private static let switchVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "ls-add",
            options: ["--may-exist"],
            parameters: "SWITCH",
            count: 1...1,
            abstract: "Add a logical switch.",
            examples: ["heddle nb ls-add ls1", "heddle nb --may-exist ls-add ls1 -- lsp-add ls1 ls1-vm1"]
        ) { words throws(ClientError) in
            .lsAdd(try words.reference(0, of: "switch"), mayExist: words.options.contains("--may-exist"))
        },
        ControlVerb(
            "ls-del",
            options: ["--if-exists"],
            parameters: "SWITCH",
            count: 1...1,
            abstract: "Delete a logical switch and its ports.",
            examples: ["heddle nb ls-del ls1", "heddle nb --if-exists ls-del ls1"]
        ) { words throws(ClientError) in
            .lsDel(try words.reference(0, of: "switch"), ifExists: words.options.contains("--if-exists"))
        },
        ControlVerb("ls-list", abstract: "List the logical switches.", examples: ["heddle nb ls-list"]) { _ in .lsList
        },
    ]

    private static let portVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "lsp-add",
            options: ["--may-exist"],
            parameters: "SWITCH PORT [PARENT TAG]",
            count: 2...4,
            abstract: "Add a port to a switch.",
            details: """
                With PARENT and TAG it is nested: the frames of PARENT's device that have the VLAN tag TAG
                are this port's. TAG 0 lets central choose one.
                """,
            examples: [
                "heddle nb lsp-add ls1 ls1-vm1",
                "heddle nb lsp-add ls2 ls1-vm1-c1 ls1-vm1 42",
                "heddle nb lsp-add ls1 vm2 -- lsp-set-addresses vm2 '02:ac:10:ff:00:22 172.16.255.22'",
            ]
        ) { words throws(ClientError) in
            .lspAdd(
                switch: try words.reference(0, of: "switch"),
                port: try words.reference(1, of: "port"),
                nesting: try nesting(words),
                mayExist: words.options.contains("--may-exist")
            )
        },
        ControlVerb(
            "lsp-del",
            options: ["--if-exists"],
            parameters: "PORT",
            count: 1...1,
            abstract: "Delete a port.",
            examples: ["heddle nb lsp-del ls1-vm1", "heddle nb --if-exists lsp-del ls1-vm1"]
        ) { words throws(ClientError) in
            .lspDel(try words.reference(0, of: "port"), ifExists: words.options.contains("--if-exists"))
        },
        ControlVerb(
            "lsp-list",
            parameters: "SWITCH",
            count: 1...1,
            abstract: "List the ports of a switch.",
            examples: ["heddle nb lsp-list ls1"]
        ) { words throws(ClientError) in .lspList(switch: try words.reference(0, of: "switch")) },
    ]

    private static let portColumnVerbs: [ControlVerb<NbCommand>] = [
        setter(
            "lsp-set-addresses",
            parameters: "PORT [ADDRESS]...",
            abstract: "Set a port's addresses.",
            details: """
                Each ADDRESS is 'MAC [IP]...' as a single argument, or unknown: the port also gets the
                frames for unicast addresses that nobody has. None at all takes all addresses away.
                One may be dynamic: dynamic, 'dynamic IP...' or 'MAC dynamic'. Central then chooses
                what is not said, as the switch's subnet or ipv6_prefix tells ('heddle apply').
                """,
            examples: [
                "heddle nb lsp-set-addresses ls1-vm1 '02:ac:10:ff:00:11 172.16.255.11'",
                "heddle nb lsp-set-addresses ls1-vm1 '02:ac:10:ff:00:11 172.16.255.11' unknown",
                "heddle nb lsp-set-addresses ls1-vm1 dynamic",
                "heddle nb lsp-set-addresses ls1-vm1",
            ]
        ) { values throws(ClientError) in .addresses(try checkedAddresses(values)) },
        getter("lsp-get-addresses", .addresses, abstract: "Print a port's addresses."),
        setter(
            "lsp-set-port-security",
            parameters: "PORT [ADDRESS]...",
            abstract: "Set the addresses that a port may use.",
            details: """
                Each ADDRESS is 'MAC [IP[/LENGTH]]...' as a single argument, or dynamic: what central
                has given to the port. None at all ends the check.
                """,
            examples: [
                "heddle nb lsp-set-port-security ls1-vm1 '02:ac:10:ff:00:11 172.16.255.11'",
                "heddle nb lsp-set-port-security ls1-vm1",
            ]
        ) { values throws(ClientError) in .portSecurity(try checkedPortSecurity(values)) },
        getter("lsp-get-port-security", .portSecurity, abstract: "Print the addresses that a port may use."),
        getter("lsp-get-parent", .parent, abstract: "Print the parent of a nested port."),
        getter("lsp-get-tag", .tag, abstract: "Print the tag of a nested port."),
        setter(
            "lsp-set-type",
            parameters: "PORT TYPE",
            count: 2...2,
            abstract: "Set the type of a port.",
            details: """
                localnet joins the switch to the physical network that its option network_name names,
                on every host that has a device of it ('heddle agent --physical-network'); l2gateway
                does on the host that its option l2gateway-chassis names, for all hosts. '' is for
                interfaces of VMs and containers. A port is virtual by lsp-set-options.
                """,
            examples: [
                "heddle nb lsp-add ls1 ln1 -- lsp-set-type ln1 localnet -- lsp-set-options ln1 network_name=physnet1",
                "heddle nb lsp-set-type gw1 l2gateway -- lsp-set-options gw1 network_name=net1 l2gateway-chassis=hv1",
            ]
        ) { values throws(ClientError) in .type(values.first ?? "") },
        getter("lsp-get-type", .type, abstract: "Print the type of a port."),
        getter("lsp-get-up", .up, abstract: "Print whether a port is up or down."),
        setter(
            "lsp-set-enabled",
            parameters: "PORT enabled|disabled",
            count: 2...2,
            abstract: "Let a port pass frames, or not.",
            examples: ["heddle nb lsp-set-enabled ls1-vm1 disabled"]
        ) { values throws(ClientError) in
            switch values.first {
            case "enabled": return .enabled(true)
            case "disabled": return .enabled(false)
            default: throw .usage("\(values.first ?? ""): state must be \"enabled\" or \"disabled\"")
            }
        },
        getter("lsp-get-enabled", .enabled, abstract: "Print whether a port is enabled or disabled."),
        setter(
            "lsp-set-options",
            parameters: "PORT [KEY=VALUE]...",
            abstract: "Set all options of a port.",
            details: """
                Options that are not named are removed. requested-chassis=NAME[,NAME]... says which
                chassis may claim the port. With activation-strategy=FRAME[,FRAME]... (rarp, garp, na)
                its guest moves from the first chassis to the second when it sends such a frame there.
                virtual-ip=IP and virtual-parents=PORT[,PORT]... make it a virtual port: its address is
                with the parent that announces it.
                """,
            examples: [
                "heddle nb lsp-set-options ls1-vm1 requested-chassis=hv1",
                "heddle nb lsp-set-options ls1-vm1 requested-chassis=hv1,hv2 activation-strategy=rarp",
                "heddle nb lsp-set-options ls1-vip virtual-ip=172.16.255.100 virtual-parents=ls1-vm1,ls1-vm2",
                "heddle nb lsp-set-options ls1-vm1",
            ]
        ) { values throws(ClientError) in .options(try pairs(values)) },
        getter("lsp-get-options", .options, abstract: "Print a port's options."),
        dhcpSetter("lsp-set-dhcpv4-options", "DHCPv4") { .dhcpv4Options($0) },
        getter("lsp-get-dhcpv4-options", .dhcpv4Options, abstract: "Print a port's set of DHCPv4 options."),
        dhcpSetter("lsp-set-dhcpv6-options", "DHCPv6") { .dhcpv6Options($0) },
        getter("lsp-get-dhcpv6-options", .dhcpv6Options, abstract: "Print a port's set of DHCPv6 options."),
    ]

    private static let otherVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "show",
            parameters: "[SWITCH]",
            count: 0...1,
            abstract: "Print switches with their ports.",
            examples: ["heddle nb show", "heddle nb show ls1"]
        ) { words throws(ClientError) in
            .show(switch: words.arguments.isEmpty ? nil : try words.reference(0, of: "switch"))
        },
        ControlVerb(
            "sync",
            abstract: "Wait for all earlier changes.",
            details: "Waits until they have come as far as --wait says.",
            examples: ["heddle nb --wait=hv --timeout=10 sync"]
        ) { _ in .sync },
    ]

    private static func nesting(_ words: ControlVerb<NbCommand>.Words) throws(ClientError) -> Nesting? {
        guard words.arguments.count > 2 else { return nil }
        guard words.arguments.count > 3 else { throw .usage("lsp-add with parent must also specify a tag") }
        let text = words.arguments[3]
        guard let tag = Int64(text), (0...4095).contains(tag) else {
            throw .usage("\(text): invalid tag (must be in range 0 to 4095)")
        }
        return Nesting(parent: try words.reference(2, of: "port"), tagRequest: tag)
    }

    private static func dhcpSetter(
        _ name: String,
        _ family: String,
        _ setting: @escaping @Sendable (String?) -> PortSetting
    ) -> ControlVerb<NbCommand> {
        setter(
            name,
            parameters: "PORT [DHCP-OPTIONS]",
            count: 1...2,
            abstract: "Set a port's set of \(family) options.",
            details: """
                DHCP-OPTIONS is the name or UUID of a set. Without one the port's requests are not answered.
                """,
            examples: ["heddle nb \(name) ls1-vm1 dhcp1", "heddle nb \(name) ls1-vm1"]
        ) { values in setting(values.first) }
    }

    private static func setter(
        _ name: String,
        parameters: String,
        count: ClosedRange<Int> = 1...Int.max,
        abstract: String,
        details: String = "",
        examples: [String],
        setting: @escaping @Sendable ([String]) throws(ClientError) -> PortSetting
    ) -> ControlVerb<NbCommand> {
        ControlVerb(
            name,
            parameters: parameters,
            count: count,
            abstract: abstract,
            details: details,
            examples: examples
        ) { words throws(ClientError) in
            .lspSet(try words.reference(0, of: "port"), try setting(Array(words.arguments.dropFirst())))
        }
    }

    private static func getter(
        _ name: String,
        _ column: PortColumn,
        abstract: String
    ) -> ControlVerb<NbCommand> {
        ControlVerb(
            name,
            parameters: "PORT",
            count: 1...1,
            abstract: abstract,
            examples: ["heddle nb \(name) ls1-vm1"]
        ) { words throws(ClientError) in .lspGet(try words.reference(0, of: "port"), column) }
    }

    static func pairs(_ words: [String]) throws(ClientError) -> [String: String] {
        var result: [String: String] = [:]
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
                throw .usage("'\(word)' is not an option; write KEY=VALUE, for example requested-chassis=hv1")
            }
            result[String(word[..<equals])] = String(word[word.index(after: equals)...])
        }
        return result
    }
}
