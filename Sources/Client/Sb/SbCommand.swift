/// One command of `heddle sb`.
public enum SbCommand: Equatable, Sendable {
    /// Print the chassis with their encaps and ports.
    case show
    /// Forget a chassis, so that its name and encap addresses are free.
    case chassisDel(String, ifExists: Bool)
    /// Print rows of OVN's tables.
    case database(DatabaseCommand)

    /// The verbs of `heddle sb`: those of ovn-sbctl that make sense if agents own the bindings.
    public static let grammar = ControlGrammar<SbCommand>(
        program: "heddle sb",
        abstract: "Show and clean up what the chassis have, with ovn-sbctl's commands.",
        verbs: [
            ControlVerb(
                "show",
                abstract: "Print chassis with encaps and ports.",
                examples: ["heddle sb show"]
            ) { _ in .show },
            ControlVerb(
                "chassis-del",
                options: ["--if-exists"],
                parameters: "CHASSIS",
                count: 1...1,
                abstract: "Forget a chassis.",
                details: """
                    Frees its name and encap addresses, and ends its certificates: a host that has joined has to join \
                    again. Without certificates, an agent that still runs registers anew.
                    """,
                examples: ["heddle sb chassis-del hv1", "heddle sb --if-exists chassis-del hv1"]
            ) { words throws(ClientError) in
                .chassisDel(
                    try words.reference(0, of: "chassis"),
                    ifExists: words.options.contains("--if-exists")
                )
            },
        ]
            + DatabaseCommand.readingVerbs(
                of: .southbound,
                DatabaseCommand.Examples(
                    list: "heddle sb --columns=name,hostname --format=table list Chassis",
                    find: "heddle sb --bare --columns=logical_port find Port_Binding up=false",
                    get: "heddle sb get Port_Binding ls1-vm1 chassis tunnel_key"
                )
            ) { .database($0) },
        waits: false,
        foreignVerbs: .southbound,
        database: .southbound
    )
}
