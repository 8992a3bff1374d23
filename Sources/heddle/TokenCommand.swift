import ArgumentParser
import Client
import NetworkModel
import Reactor

/// `heddle token`: who may speak to central.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke the tokens that let users and hosts in.",
        discussion: """
            Needs the role admin. On central's host, root needs no token: if HEDDLE_NB is not set, the socket \
            in central's data directory is used.

            EXAMPLES:
              heddle token create --role editor --expires 90d
              heddle token create --chassis hv1
              heddle token list
              heddle token revoke 0123456789abcdef
            """,
        subcommands: [TokenCreate.self, TokenList.self, TokenRevoke.self]
    )
}

/// The options that find the central of this host.
struct CentralOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Central's data directory, to speak to the central of this host.", valueName: "dir")
    )
    var dataDir: String?

    func session() throws -> TokenSession {
        TokenSession(caller: try Connection.toCentral(dataDirectory: dataDir))
    }
}

/// `heddle token create`: makes a token and prints it, once.
struct TokenCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a token and print it; it cannot be shown again.",
        discussion: """
            A token with a role goes with every request: HEDDLE_TOKEN for heddle, 'Authorization: Bearer TOKEN' for \
            others. Roles: admin (everything), editor (change the network), viewer (look at it), metrics. It is valid \
            for a year unless --expires says otherwise.
            A token for a chassis lets the agent of that name join once, within a day unless --expires says otherwise.

            EXAMPLES:
              heddle token create --role viewer
              heddle token create --role editor --expires 90d
              heddle token create --chassis hv1 --expires 1h
            """
    )

    @Option(
        help: "What requests with it may do: admin, editor, viewer or metrics.",
        completion: .list(Role.allCases.map(\.rawValue))
    )
    var role: String?

    @Option(help: ArgumentHelp("The chassis that may join with it.", valueName: "name"))
    var chassis: String?

    @Option(help: ArgumentHelp("How long it is valid: a number with s, m, h or d, such as 90d.", valueName: "time"))
    var expires: String?

    @OptionGroup var central: CentralOptions

    func validate() throws {
        guard (role == nil) != (chassis == nil) else { throw ValidationError("give either --role or --chassis") }
        if let role, Role(rawValue: role) == nil {
            throw ValidationError("--role '\(role)' is none of admin, editor, viewer, metrics")
        }
        if let expires, Lifetime.seconds(expires) == nil {
            throw ValidationError("--expires '\(expires)' is not a time such as 90s, 30m, 12h or 7d")
        }
    }

    func run() throws {
        let purpose: TokenSession.Purpose
        if let role {
            purpose = .role(role)
        } else {
            purpose = .chassis(chassis ?? "")
        }
        let made = try central.session().create(purpose, lifetime: expires.flatMap(Lifetime.seconds))
        // The token alone on the standard output, for scripts.
        put(made.text + "\n")
        complain(made.sentence)
    }
}

/// `heddle token list`: the tokens, without their secrets.
struct TokenList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the tokens: what they are for and if they are valid.",
        discussion: """
            STATE is valid, used (a join token that has done its work) or expired.

            EXAMPLES:
              heddle token list
              heddle token list -o json
            """
    )

    @OptionGroup var central: CentralOptions

    @Option(name: .shortAndLong, help: "How to print: table or json.")
    var output = CountersFormat.table

    func run() throws {
        if output == .json { return put(try central.session().listAsJSON()) }
        put(try central.session().list(now: Timestamp(seconds: Clock.wallSeconds()).description))
    }
}

/// `heddle token revoke`: makes a token worth nothing.
struct TokenRevoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revoke a token at once.",
        discussion: """
            A chassis that has joined stays; 'heddle sb chassis-del' ends its certificates.

            EXAMPLES:
              heddle token revoke 0123456789abcdef
            """
    )

    @Argument(help: "The token's ID, as 'heddle token list' shows it.")
    var id: String

    @OptionGroup var central: CentralOptions

    func run() throws { try central.session().revoke(id) }
}
