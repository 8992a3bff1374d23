/// One command of `heddle sb`.
public enum SbCommand: Equatable, Sendable {
    /// Print the chassis with their encaps and ports.
    case show
    /// Forget a chassis, so that its name and encap addresses are free.
    case chassisDel(String, ifExists: Bool)

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
        ],
        waits: false,
        foreignVerbs: .southbound
    )
}
