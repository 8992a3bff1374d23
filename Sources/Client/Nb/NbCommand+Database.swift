extension NbCommand {
    /// The verbs about rows of OVN's tables.
    static let databaseVerbs: [ControlVerb<NbCommand>] =
        DatabaseCommand.readingVerbs(
            of: .northbound,
            DatabaseCommand.Examples(
                list: "heddle nb --columns=name,ports --format=table list Logical_Switch",
                find: "heddle nb --bare --columns=name find Logical_Switch_Port up=false",
                get: "heddle nb get Logical_Switch ls1 external_ids:tenant"
            )
        ) { .database($0) } + DatabaseCommand.changingVerbs { .database($0) }

    /// The verbs that print the identity of a switch.
    static let identityVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "ls-get",
            parameters: "SWITCH",
            count: 1...1,
            abstract: "Print the UUID and the name of a switch.",
            examples: ["heddle nb ls-get ls1"]
        ) { words throws(ClientError) in .lsGet(try words.reference(0, of: "switch")) },
        ControlVerb(
            "lsp-get-ls",
            parameters: "PORT",
            count: 1...1,
            abstract: "Print the switch that a port belongs to.",
            examples: ["heddle nb lsp-get-ls ls1-vm1"]
        ) { words throws(ClientError) in .lspGetSwitch(try words.reference(0, of: "port")) },
    ]
}
