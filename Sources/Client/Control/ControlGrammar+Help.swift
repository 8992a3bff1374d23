extension ControlGrammar {
    /// The help of one verb: what it does, how it is written, lines to copy.
    public func help(for verb: ControlVerb<Command>) -> String {
        var lines = ["OVERVIEW: \(verb.abstract)"]
        if !verb.details.isEmpty { lines += ["", verb.details] }
        lines += ["", "USAGE: \(program) \(verb.synopsis)", ""]
        for option in verb.options { lines.append("  \(option.padded(to: 20))\(Self.meaning(of: option))") }
        if !verb.options.isEmpty { lines.append("") }
        lines.append(verb.examples.count == 1 ? "EXAMPLE:" : "EXAMPLES:")
        lines += verb.examples.map { "  \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The help of the program: the table of its verbs, the options for all of them, lines to copy.
    public var help: String {
        var lines = [
            "OVERVIEW: \(abstract)", "",
            "Commands joined by -- become one commit: all of them happen, or none.", "",
            "USAGE: \(program) [OPTION]... COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...", "",
            "COMMANDS:",
        ]
        if !waits { lines.removeSubrange(2..<4) }
        let width = (verbs.map(\.shortSynopsis.count).max() ?? 0) + 2
        for verb in verbs { lines.append("  \(verb.shortSynopsis.padded(to: width))\(verb.abstract)") }
        lines += ["", "OPTIONS (before or after the command):"]
        if waits {
            lines += [
                "  --wait=none|sb|hv   return when the change is committed (none, sb), or when the",
                "                      forwarders of all chassis concerned use it (hv)",
                "  --print-wait-time   tell how long the commit and the chassis took",
            ]
        }
        lines += [
            "  --timeout=SECONDS   give up after this time and exit 3 (default: no limit)",
            "  --db=URL            central, in the place of HEDDLE_NB: a URL, or tcp:HOST:PORT, ssl:HOST:PORT",
            "  -f, --format=FORMAT print rows as table, list (as is usual), csv or json",
            "  -d, --data=FORMAT   print values as string (as is usual), bare or json",
            "  --no-headings       print rows without the names of columns; --bare is --format=list",
            "                      --data=bare --no-headings; --pretty indents json",
            "  -h, --help          show this, or the help of one command",
            "",
            "ENVIRONMENT:",
            "  HEDDLE_NB           central's northbound URL (default: \(Server.defaultNorthbound))",
            "  HEDDLE_CA           the file of central's authority, for https",
            "  HEDDLE_TOKEN        sent to central to identify the user",
            "",
            "EXAMPLES:",
        ]
        lines += verbs.flatMap { $0.examples.prefix(1) }.map { "  \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func meaning(of option: String) -> String {
        switch option {
        case "--may-exist": "do nothing if it exists already"
        case "--if-exists": "do nothing if it does not exist"
        case "--log": "have hosts log what it decides"
        case "--severity=SEVERITY": "alert, warning, notice, info (as is usual) or debug; has it logged"
        case "--name=NAME": "its name in logs, traces and the API"
        case "--columns=COLUMN[,COLUMN]...": "the columns to print, in this order"
        case "--id=@NAME": "the name of the new row for this chain"
        case "--all": "all rows of the table"
        case "--tier=TIER": "0 to 3; a lower one is asked first"
        default: ""
        }
    }
}

extension String {
    /// The text with blanks after it up to this many characters.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
