import OVSDB

/// A parsed command line with the grammar of OVN's control programs.
public struct ControlCommandLine<Command: Sendable>: Sendable {
    /// The way in which rows of tables are printed.
    public var style = RowStyle()
    /// Central's URL; `nil` leaves it to the environment.
    public var database: String?
    /// The sentences about options that have no effect here, each once.
    public var remarks: [String] = []
    /// The progress of a change at which the program ends.
    public var wait = ControlWait.none
    /// The time for all of it in seconds; `nil` is no limit.
    public var timeout: Int64?
    /// True if the times of the commit and of the chassis are printed.
    public var printsWaitTime = false
    /// The commands in order, each with the words it was made of.
    public var commands: [(words: String, command: Command)] = []
}

/// The progress of a change at which the program ends (ovn-nbctl's `--wait`).
public enum ControlWait: String, CaseIterable, Sendable {
    /// It is committed.
    case none
    /// It is in the southbound database; here that is the same commit.
    case sb
    /// The forwarders of all chassis that it concerns go by it.
    case hv
}

/// The request of a command line: help or work.
public enum ControlRequest<Command: Sendable>: Sendable {
    /// Show the help of the whole program, or of one verb.
    case help(ControlVerb<Command>?)
    case run(ControlCommandLine<Command>)
}

/// The grammar of ovn-nbctl and ovn-sbctl over a table of verbs.
///
/// `--` separates commands; options may be before or after their verb. Everything is checked here, before any
/// server is asked.
public struct ControlGrammar<Command: Sendable>: Sendable {
    /// The words before the verbs: `heddle nb`.
    public let program: String
    /// The purpose of the program, in one sentence.
    public let abstract: String
    /// The verbs, in the order that help shows them.
    public let verbs: [ControlVerb<Command>]
    /// True if `--wait` makes sense.
    public let waits: Bool
    /// Verbs that OVN's program has and this one does not.
    let foreignVerbs: ForeignVerbs
    /// The database whose rows are printed.
    let database: OVNDatabase

    /// The longest `--timeout`, a day: more is a typing error.
    public static var timeoutMaximum: Int64 { 86400 }

    /// Reads the words after the program's name.
    /// - Throws: ``ClientError/usage(_:)`` with what is wrong and what would be right.
    public func parse(_ words: [String]) throws(ClientError) -> ControlRequest<Command> {
        var line = ControlCommandLine<Command>()
        var segments = words.split(separator: "--", omittingEmptySubsequences: false)
        if segments.count > 1, segments[0].isEmpty { segments.removeFirst() }
        for segment in segments {
            var reader = SegmentReader(grammar: self, words: segment)
            try reader.read(into: &line)
            if reader.wantsHelp { return .help(reader.verb) }
            guard let verb = reader.verb else {
                throw .usage("missing command name; see '\(program) --help'")
            }
            let command = try verb.command(try reader.checkedWords(of: verb))
            line.commands.append((([verb.name] + reader.arguments).joined(separator: " "), command))
        }
        return .run(line)
    }

    func verb(named name: String) throws(ClientError) -> ControlVerb<Command> {
        if let verb = verbs.first(where: { $0.name == name }) { return verb }
        if let remedy = foreignVerbs.remedy(for: name) {
            throw .usage("'\(name)' exists in OVN, but not here: \(remedy)")
        }
        let hint = suggestion(for: name, among: verbs.map(\.name))
        throw .usage("unknown command '\(name)'; \(hint)see '\(program) --help'")
    }
}

/// Reads the words between two `--`.
private struct SegmentReader<Command: Sendable> {
    let grammar: ControlGrammar<Command>
    var words: ArraySlice<String>
    var verb: ControlVerb<Command>?
    var arguments: [String] = []
    var options: [(name: String, value: String?)] = []
    var wantsHelp = false

    mutating func read(into line: inout ControlCommandLine<Command>) throws(ClientError) {
        while let word = words.popFirst() {
            let isOption = word.hasPrefix("--") || verb == nil && word.hasPrefix("-") || word == "-h"
            if isOption {
                try readOption(word, into: &line)
            } else if verb == nil, word == "help" {
                wantsHelp = true
            } else if verb == nil {
                verb = try grammar.verb(named: word)
            } else {
                arguments.append(word)
            }
        }
    }

    private mutating func readOption(
        _ word: String,
        into line: inout ControlCommandLine<Command>
    ) throws(ClientError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (name, value) = (parts[0], parts.count == 2 ? parts[1] : nil)
        switch name {
        case "--help", "-h":
            wantsHelp = true
        case "--wait" where grammar.waits:
            let text = try given(value, for: name)
            guard let wait = ControlWait(rawValue: text) else {
                throw .usage("argument to --wait must be \"none\", \"sb\", or \"hv\", not \"\(text)\"")
            }
            line.wait = wait
        case "--no-wait" where grammar.waits:
            line.wait = .none
        case "--print-wait-time" where grammar.waits:
            line.printsWaitTime = true
        case "--timeout", "-t":
            line.timeout = try timeout(try given(value, for: name))
        case "--db":
            line.database = try ControlDatabase.url(of: try given(value, for: name))
        case "--format", "-f":
            line.style.format = try choice(try given(value, for: name), of: name, RowStyle.Format.self)
        case "--data", "-d":
            line.style.cells = try choice(try given(value, for: name), of: name, RowStyle.Cells.self)
        case "--no-headings", "--no-heading": line.style.hasHeadings = false
        case "--bare": line.style.makeBare()
        case "--pretty": line.style.isPretty = true
        default:
            if let remark = ForeignVerbs.remark(forOption: name) ?? (word.hasPrefix("-v") ? ForeignVerbs.noLog : nil) {
                let sentence = "\(word.hasPrefix("-v") ? "-v" : name) has no effect here: \(remark)"
                if !line.remarks.contains(sentence) { line.remarks.append(sentence) }
                return
            }
            if let remedy = ForeignVerbs.remedy(forOption: name) {
                throw .usage("'\(name)' exists in OVN, but not here: \(remedy)")
            }
            guard word.hasPrefix("--"), name.count > 2 else {
                throw .usage("unrecognized option '\(word)'; see '\(grammar.program) --help'")
            }
            options.append((name, value))
        }
    }

    /// The value after the `=`, or else the next word.
    private mutating func given(_ value: String?, for option: String) throws(ClientError) -> String {
        if let value { return value }
        guard let word = words.popFirst() else { throw .usage("option '\(option)' requires an argument") }
        return word
    }

    private func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ text: String,
        of option: String,
        _ type: Choice.Type
    ) throws(ClientError) -> Choice {
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .usage("'\(text)' is no \(option) that there is here: \(known)")
        }
        return choice
    }

    private func timeout(_ text: String) throws(ClientError) -> Int64? {
        guard let seconds = Int64(text), (0...ControlGrammar<Command>.timeoutMaximum).contains(seconds) else {
            let maximum = ControlGrammar<Command>.timeoutMaximum
            throw .usage("argument '\(text)' to --timeout must be whole seconds, 0 (no limit) to \(maximum)")
        }
        return seconds == 0 ? nil : seconds
    }

    func checkedWords(of verb: ControlVerb<Command>) throws(ClientError) -> ControlVerb<Command>.Words {
        let usage = "; usage: \(grammar.program) \(verb.synopsis)"
        var values: [String: String] = [:]
        for (option, value) in options {
            guard let hasValue = verb.hasValue(option) else {
                throw .usage("'\(verb.name)' command has no '\(option)' option" + usage)
            }
            if hasValue {
                guard let value, !value.isEmpty else {
                    throw .usage("option '\(option)' requires a value" + usage)
                }
                values[option] = value
            } else if let value {
                throw .usage("'\(option)' option takes no value, but has '\(value)'" + usage)
            }
        }
        let count = verb.argumentCount
        if arguments.count < count.lowerBound {
            throw .usage("'\(verb.name)' command requires at least \(count.lowerBound) arguments" + usage)
        }
        if arguments.count > count.upperBound {
            throw .usage("'\(verb.name)' command takes at most \(count.upperBound) arguments" + usage)
        }
        return ControlVerb<Command>.Words(arguments: arguments, options: Set(options.map(\.name)), values: values)
    }
}

/// `did you mean '...'? `, if one of the words is near what was written; else nothing.
public func suggestion(for written: String, among words: [String]) -> String {
    let nearest = words.map { (word: $0, distance: editDistance(written, $0)) }.min { $0.distance < $1.distance }
    // A short word would hardly be recognizable.
    guard let nearest, nearest.distance <= min(2, written.count / 2) else { return "" }
    return "did you mean '\(nearest.word)'? "
}

/// The number of characters to add, remove or change that makes one word of the other (Levenshtein).
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, character) in left.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in right.indices {
            let change = diagonal + (character == right[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(change, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
