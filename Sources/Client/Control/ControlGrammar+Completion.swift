import Wire

/// The completions of a command line with the grammar of OVN's control programs.
public enum ControlCompletion: Equatable, Sendable {
    case words([String])
    case name(ShownKind)
}

extension ControlGrammar {
    /// An option up to its value.
    private static func beginning(of option: String) -> String {
        option.firstIndex(of: "=").map { String(option[...$0]) } ?? option
    }

    /// Returns the completions after some words.
    /// - Parameter words: The words after the program's name, without the word that is being written.
    public func completion(after words: [String]) -> ControlCompletion {
        let segment = words.split(separator: "--", omittingEmptySubsequences: false).last ?? []
        let written = segment.filter { !$0.hasPrefix("-") }
        guard let name = written.first else {
            let options = Set(verbs.flatMap(\.options).map { Self.beginning(of: $0) }).sorted()
            return .words(verbs.map(\.name) + options + (waits ? ["--wait=hv", "--timeout="] : []))
        }
        guard let verb = verbs.first(where: { $0.name == name }) else { return .words([]) }
        let parameters = verb.parameters.split(separator: " ").map { $0.filter { $0 != "[" && $0 != "]" } }
        let position = written.count - 1
        let isRepeated = parameters.last?.hasSuffix("...") == true
        guard parameters.indices.contains(position) || isRepeated else { return .words(["--"]) }
        // An object that is to be added has no existing name.
        let required = verb.argumentCount.lowerBound
        if verb.name.hasSuffix("-add"), position == max(0, required - 1) { return .words([]) }
        switch parameters[min(position, parameters.count - 1)] {
        case "SWITCH": return .name(.logicalSwitch)
        case "PORT", "PARENT": return .name(.port)
        case "CHASSIS": return .name(.chassis)
        case "DHCP-OPTIONS": return .name(.dhcpOptions)
        case "TABLE": return .words(database.tables.map(\.name))
        case "RECORD", "RECORD...":
            return (try? OVNTable.named(written[1], in: database)).map { .name($0.kind) } ?? .words([])
        case let column where column.hasPrefix("COLUMN"):
            let table = try? OVNTable.named(written[1], in: database)
            let ending = column.hasPrefix("COLUMN:KEY=") ? "=" : ""
            return .words((table?.columns ?? []).filter { ending.isEmpty || $0.remedy == nil }.map { $0.name + ending })
        case "KEY=VALUE..." where verb.name.hasPrefix("dhcp-options-"):
            let names = DHCPOption.all(of: .v4).map(\.name) + DHCPOption.all(of: .v6).map(\.name)
            return .words(Set(names).sorted().map { $0 + "=" })
        case let choice where choice.contains("|") && !choice.contains("="):
            return .words(choice.split(separator: "|").map(String.init))
        default: return .words(parameters.indices.contains(position) ? [] : ["--"])
        }
    }
}
