import ArgumentParser
import Client

/// `heddle nb`: the logical network, with ovn-nbctl's commands.
struct Nb: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: NbCommand.grammar.abstract)

    @Argument(
        parsing: .captureForPassthrough,
        help: "Commands in ovn-nbctl's grammar.",
        completion: .custom { complete(NbCommand.grammar, $0, $1, $2) }
    )
    var words: [String] = []

    func run() throws {
        switch try NbCommand.grammar.parse(words) {
        case .help(nil): put(NbCommand.grammar.help)
        case .help(let verb?): put(NbCommand.grammar.help(for: verb))
        case .run(let line):
            line.remarks.forEach(complain)
            let session = NbSession(line, caller: try Connection.toCentral(url: line.database), output: put) {
                complain($0)
            }
            try session.run()
        }
    }
}
