/// One verb of a command line with the grammar of OVN's control programs.
public struct ControlVerb<Command: Sendable>: Sendable {
    /// The verb itself: `lsp-add`.
    public let name: String
    /// Its options, such as `--may-exist`, or `--severity=SEVERITY` for one with a value.
    public let options: [String]
    /// Its arguments as help shows them: `SWITCH PORT`.
    public let parameters: String
    public let argumentCount: ClosedRange<Int>
    /// A summary, short enough for a line of the table of verbs.
    public let abstract: String
    /// Further explanation; may be empty.
    public let details: String
    /// Command lines that a reader can copy.
    public let examples: [String]
    /// Turns the words after the verb into a command.
    let command: @Sendable (Words) throws(ClientError) -> Command

    /// The words of one verb, sorted into arguments and options.
    struct Words {
        var arguments: [String]
        var options: Set<String>
        /// The values of those that have one.
        var values: [String: String] = [:]

        /// The argument at this position; the grammar has checked that there is one.
        subscript(position: Int) -> String { position < arguments.count ? arguments[position] : "" }

        /// The name or UUID at this position.
        /// - Throws: ``ClientError/usage(_:)`` if it is empty: a path without it would mean another resource.
        func reference(_ position: Int, of what: String) throws(ClientError) -> String {
            guard !self[position].isEmpty else { throw .usage("the name of a \(what) may not be empty") }
            return self[position]
        }
    }

    init(
        _ name: String,
        options: [String] = [],
        parameters: String = "",
        count: ClosedRange<Int> = 0...0,
        abstract: String,
        details: String = "",
        examples: [String],
        command: @escaping @Sendable (Words) throws(ClientError) -> Command
    ) {
        self.name = name
        self.options = options
        self.parameters = parameters
        self.argumentCount = count
        self.abstract = abstract
        self.details = details
        self.examples = examples
        self.command = command
    }

    /// True if the option of this name has a value; `nil` if there is no such option.
    func hasValue(_ option: String) -> Bool? {
        if options.contains(option) { return false }
        return options.contains { $0.hasPrefix(option + "=") } ? true : nil
    }

    /// The verb with its options and arguments.
    public var synopsis: String { synopsis(with: options.map { "[\($0)]" }) }

    /// The same as a table shows it: several options are not named.
    var shortSynopsis: String { options.count > 1 ? synopsis(with: ["[OPTION]..."]) : synopsis }

    private func synopsis(with options: [String]) -> String {
        ([name] + options + (parameters.isEmpty ? [] : [parameters])).joined(separator: " ")
    }
}
