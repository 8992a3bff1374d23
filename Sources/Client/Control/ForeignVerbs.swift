/// Verbs of OVN's control programs that these do not have, with what to use in their place.
///
/// Near misses would be worse than nothing here: whoever writes `lr-add` does not mean `ls-add`.
struct ForeignVerbs: Sendable {
    /// By the verb or, if it ends in `-`, by the beginning of verbs; the first that fits counts.
    let remedies: [(pattern: String, remedy: String)]

    /// The clause for a word, `nil` if OVN has no such verb either.
    func remedy(for word: String) -> String? {
        remedies.first { $0.pattern.hasSuffix("-") ? word.hasPrefix($0.pattern) : word == $0.pattern }?.remedy
    }

    private static func all(_ verbs: [String], _ remedy: String) -> [(pattern: String, remedy: String)] {
        verbs.map { ($0, remedy) }
    }

    private static let database =
        all(
            ["get-connection", "del-connection", "set-connection"],
            "central listens where 'heddle central --northbound' and '--southbound' say"
        )
        + all(
            ["get-ssl", "del-ssl", "set-ssl"],
            "central has certificates by itself, and shows others by 'heddle central --certificate'"
        )
        + all(["wait-until"], "use 'heddle nb --wait=hv sync', or 'heddle get --watch'")
        + all(["init", "comment"], "it is not needed here: leave it out")

    /// Those of ovn-nbctl.
    static let northbound = ForeignVerbs(
        remedies: [
            ("lr-lb-", "load balancers are not in this version"),
            ("ls-lb-", "load balancers are not in this version"),
            ("lr-nat-", "NAT is not in this version"),
            ("lr-", "logical routers are not in this version: let a guest or the network outside route"),
            ("lrp-", "logical routers are not in this version: let a guest or the network outside route"),
            ("lb-", "load balancers are not in this version"),
            ("meter-", "meters are not in this version"),
            ("ha-chassis-group-", "gateways are not in this version"),
            ("lsp-set-tag", "give the tag of a nested port with 'lsp-add SWITCH PORT PARENT TAG'"),
            ("fwd-group-", "load balancers are not in this version"),
            (
                "static-mac-binding-",
                "logical routers are not in this version: let a guest or the network outside route"
            ),
            ("copp-", "hosts bound what guests may ask of them by themselves: leave it out"),
            ("ls-copp-", "hosts bound what guests may ask of them by themselves: leave it out"),
        ] + database
    )

    /// Those of ovn-sbctl.
    static let southbound = ForeignVerbs(
        remedies: [
            ("lsp-bind", "hosts bind ports: run 'heddle port add' on the one that has the guest"),
            ("lsp-unbind", "hosts bind ports: run 'heddle port del' on the one that has the guest"),
            ("chassis-add", "a chassis comes with its agent: run 'heddle agent' on the host"),
            ("lflow-list", "there are no logical flows: each host makes its tables of 'heddle get port-bindings'"),
            ("dump-flows", "there are no logical flows: each host makes its tables of 'heddle get port-bindings'"),
            ("ip-multicast-flush", "members that leave are forgotten by hosts: see 'heddle multicast' on one"),
            ("count-flows", "there are no logical flows: each host makes its tables of 'heddle get port-bindings'"),
        ]
            + all(
                ["set", "add", "remove", "clear", "create", "destroy"],
                "central and hosts make these rows: use 'heddle nb set', or 'heddle sb chassis-del'"
            ) + database
    )

    static let noLog = "there is no log to set"

    /// Returns why an option that OVN's programs have is accepted, but does nothing.
    static func remark(forOption option: String) -> String? {
        switch option {
        case "--no-leader-only", "--leader-only", "--shuffle-remotes", "--no-shuffle-remotes": "there is one central"
        case "--verbose", "-v", "--log-file", "--syslog-method", "--syslog-target", "--no-syslog": noLog
        default: nil
        }
    }

    /// Returns what to use in place of an option that only OVN's programs have.
    static func remedy(forOption option: String) -> String? {
        switch option {
        case "--oneline": "each command has lines of its own: leave it out"
        case "--dry-run": "'heddle apply --dry-run' and the API's dry_run=true only show what would change"
        case "--meter": "hosts bound what they log by themselves: leave it out"
        case "--label": "'labels' of 'heddle apply' may say anything"
        case "-u": "name central by HEDDLE_NB=unix:PATH"
        case "--detach", "--monitor", "--pidfile", "--overwrite-pidfile", "--no-chdir", "--user":
            "it need not run as a daemon: a call takes milliseconds"
        case "-V", "--version": "'heddle --version' tells it"
        case "-p", "--private-key", "-c", "--certificate", "-C", "--ca-cert":
            "set HEDDLE_CA to central's authority and HEDDLE_TOKEN to a token"
        default: nil
        }
    }
}
