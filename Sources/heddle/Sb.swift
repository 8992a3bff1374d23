import ArgumentParser
import Client

/// `heddle sb`: what the chassis have, with ovn-sbctl's commands.
struct Sb: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: SbCommand.grammar.abstract)

    @Argument(
        parsing: .captureForPassthrough,
        help: "Commands in ovn-sbctl's grammar.",
        completion: .custom { complete(SbCommand.grammar, $0, $1, $2) }
    )
    var words: [String] = []

    func run() throws {
        switch try SbCommand.grammar.parse(words) {
        case .help(nil): put(SbCommand.grammar.help)
        case .help(let verb?): put(SbCommand.grammar.help(for: verb))
        case .run(let line):
            line.remarks.forEach(complain)
            try SbSession(line, caller: try Connection.toCentral(url: line.database), output: put).run()
        }
    }
}
