import ArgumentParser
import Client
import JSON
import Reactor

/// `heddle manual`: writes the manual pages, for packages. What it says of a command is what `--help` says.
struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual",
        abstract: "Write the manual pages into a folder: heddle(1), and one for each command.",
        discussion: """
            EXAMPLES:
              heddle manual /usr/local/share/man
            """,
        shouldDisplay: false
    )

    /// The commands that administrators and services run, whose pages are in section 8.
    private static let administrative: Set<String> = ["central", "agent", "forwarder", "cni", "doctor"]

    @Argument(help: "The folder, such as /usr/local/share/man; the pages go into man1 and man8 of it.")
    var folder: String

    func run() throws {
        let tree = try Self.declarations()
        let commands = Self.subcommands(of: tree)
        try write(Self.overview(tree, commands))
        for command in commands {
            try write(Self.page(of: command, section: Self.section(of: command.text("commandName"))))
        }
    }

    private static func declarations() throws(ClientError) -> JSONValue {
        do throws(JSONError) {
            return try JSONParser.parse(Heddle._dumpHelp())["command"] ?? .null
        } catch {
            throw .refused("the declarations of commands cannot be read: \(error)")
        }
    }

    private func write(_ page: ManualPage) throws(ClientError) {
        let directory = "\(folder)/man\(page.section)"
        let file = "\(directory)/\(page.name).\(page.section)"
        do throws(SystemError) {
            try makeDirectory(directory, mode: 0o755)
            try writeFile(Array(page.text.utf8), replacing: file, mode: 0o644)
        } catch {
            throw .refused("cannot write the manual pages into \(directory): \(error)")
        }
    }

    private static func section(of name: String) -> Int { administrative.contains(name) ? 8 : 1 }

    private static func subcommands(of command: JSONValue) -> [JSONValue] {
        (command["subcommands"]?.arrayValue ?? []).filter {
            $0["shouldDisplay"]?.boolValue != false && $0.text("commandName") != "help"
        }
    }

    /// heddle(1): the list of commands, and what is common to them.
    private static func overview(_ tree: JSONValue, _ commands: [JSONValue]) -> ManualPage {
        var page = ManualPage("heddle", section: 1, abstract: tree.text("abstract"))
        page.heading("SYNOPSIS")
        page.line("\\fBheddle\\fR \\fIcommand\\fR [\\fIoption\\fR]...")
        page.heading("DESCRIPTION")
        page.paragraph(
            "Logical switches and ports are objects of a central service; an agent on every host plugs interfaces into "
                + "them and programs a forwarder that carries their frames between hosts in Geneve tunnels."
        )
        page.paragraph("Each command has a page of its own, and explains itself by --help.")
        page.heading("COMMANDS")
        for command in commands {
            let name = command.text("commandName")
            let reference = ManualPage.escaped("heddle-\(name)")
            page.item("\\fB\(reference)\\fR(\(section(of: name)))", command.text("abstract"))
        }
        page.discussion(tree.text("discussion"))
        page.heading("FILES")
        for (path, meaning) in files { page.item("\\fI\(ManualPage.escaped(path))\\fR", meaning) }
        page.heading("EXIT STATUS")
        for status in [ExitStatus.done, .refused, .usage, .timedOut] {
            page.item("\\fB\(status.rawValue)\\fR", status.meaning)
        }
        return page
    }

    private static let files = [
        ("/etc/default/heddle-central, /etc/default/heddle-agent", "The options that the services are started with."),
        ("/var/lib/heddle", "The files of central and of the agent."),
        (
            "/usr/share/doc/heddle",
            "How to set it up (README.md, operating.md), and the contract of the API (openapi.yaml)."
        ),
    ]

    /// The page of a command, with those below it.
    private static func page(of command: JSONValue, section: Int) -> ManualPage {
        let name = command.text("commandName")
        var page = ManualPage("heddle-\(name)", section: section, abstract: command.text("abstract"))
        page.heading("SYNOPSIS")
        let below = subcommands(of: command)
        let isRun = below.isEmpty || !arguments(of: command).isEmpty
        let synopses =
            (isRun ? [(["heddle", name], command)] : [])
            + below.map {
                (["heddle", name, $0.text("commandName")], $0)
            }
        for (index, (words, command)) in synopses.enumerated() {
            if index > 0 { page.line(".br") }
            page.line(synopsis(words, command))
        }
        page.heading("DESCRIPTION")
        page.paragraph(command.text("abstract"))
        page.discussion(command.text("discussion"))
        describe(arguments(of: command), in: &page, heading: "OPTIONS")
        if name == Nb._commandName { describe(NbCommand.grammar, in: &page) }
        if name == Sb._commandName { describe(SbCommand.grammar, in: &page) }
        for command in below {
            page.heading("heddle \(name) \(command.text("commandName"))".uppercased())
            page.paragraph(command.text("abstract"))
            page.discussion(command.text("discussion"), within: true)
            describe(arguments(of: command), in: &page, heading: nil)
        }
        page.heading("SEE ALSO")
        page.line("\\fBheddle\\fR(1)")
        return page
    }

    /// The arguments and options, without those that every command has; for `nb` and `sb` the grammar tells them.
    private static func arguments(of command: JSONValue) -> [JSONValue] {
        (command["arguments"]?.arrayValue ?? []).filter { argument in
            let name = argument["preferredName"]?.text("name") ?? ""
            let isCommon = name == "help" || name == "version" || argument.text("valueName") == "words"
            return !isCommon && argument["shouldDisplay"]?.boolValue != false
        }
    }

    private static func synopsis(_ words: [String], _ command: JSONValue) -> String {
        var text = "\\fB\(ManualPage.escaped(words.joined(separator: " ")))\\fR"
        if [Nb._commandName, Sb._commandName].contains(words.last) {
            return text + " [\\fIoption\\fR]... \\fIcommand\\fR [\\fIargument\\fR]..."
        }
        let all = arguments(of: command)
        for argument in all where argument.text("kind") != "positional" && argument["isOptional"]?.boolValue != true {
            text += " " + names(of: argument)
        }
        if all.contains(where: { $0.text("kind") != "positional" && $0["isOptional"]?.boolValue == true }) {
            text += " [\\fIoption\\fR]..."
        }
        for argument in all where argument.text("kind") == "positional" {
            let value = "\\fI\(ManualPage.escaped(argument.text("valueName")))\\fR"
            text += argument["isOptional"]?.boolValue == true ? " [\(value)]" : " \(value)"
            if argument["isRepeating"]?.boolValue == true { text += "..." }
        }
        return text
    }

    /// `-o, --output output`, as people write it.
    private static func names(of argument: JSONValue) -> String {
        let value = "\\fI\(ManualPage.escaped(argument.text("valueName")))\\fR"
        guard argument.text("kind") != "positional" else { return value }
        let names = (argument["names"]?.arrayValue ?? []).map { name in
            let dashes = name.text("kind") == "long" ? "--" : "-"
            return "\\fB\(ManualPage.escaped(dashes + name.text("name")))\\fR"
        }
        return names.joined(separator: ", ") + (argument.text("kind") == "option" ? " \(value)" : "")
    }

    private static func describe(_ arguments: [JSONValue], in page: inout ManualPage, heading: String?) {
        guard !arguments.isEmpty else { return }
        if let heading { page.heading(heading) }
        for argument in arguments {
            var text = argument.text("abstract")
            if let value = argument["defaultValue"]?.stringValue { text += " Default: \(value)." }
            page.item(names(of: argument), text)
        }
    }

    /// The commands in OVN's grammar, and its options, which the help of the command has in columns.
    private static func describe<Command: Sendable>(_ grammar: ControlGrammar<Command>, in page: inout ManualPage) {
        page.heading("COMMANDS")
        for verb in grammar.verbs {
            page.item("\\fB\(ManualPage.escaped(verb.synopsis))\\fR", verb.abstract)
            if !verb.details.isEmpty { page.within(verb.details) }
        }
        let help = grammar.help.split(separator: "\n", omittingEmptySubsequences: false)
        let options = help.drop { !$0.hasPrefix("OPTIONS") }.dropFirst()
        page.heading("OPTIONS")
        page.verbatim(options.prefix { !$0.isEmpty }.map(String.init))
        page.discussion(options.drop { !$0.isEmpty }.joined(separator: "\n"))
    }
}

extension JSONValue {
    fileprivate func text(_ name: String) -> String { self[name]?.stringValue ?? "" }
}

extension ExitStatus {
    fileprivate var meaning: String {
        switch self {
        case .done: "It was done."
        case .refused: "It was refused or could not be done; nothing was changed unless the message says so."
        case .usage: "The command line is wrong; nothing was tried."
        case .timedOut: "It was done, but what was waited for did not happen in time."
        }
    }
}
