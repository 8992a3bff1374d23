import ArgumentParser

@main struct Heddle: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heddle",
        abstract: "A virtual network for plain IP hosts."
    )
}
