import Foundation

/// The built `heddle`, run as a user runs it.
enum HeddleBinary {
    /// The end of a run.
    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Beside the tests' own bundle, if the package manager puts both.
    static let path: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("heddle").path
    }()

    /// Runs it to its end. `environment` is all that it gets, so that the developer's own settings do not matter.
    static func run(_ words: [String], environment: [String: String] = [:]) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = words
        process.environment = environment
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // The output of these commands fits into a pipe's buffer, so that one can be read after the other.
        let outputBytes = output.fileHandleForReading.readDataToEndOfFile()
        let errorBytes = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            output: String(decoding: outputBytes, as: UTF8.self),
            errors: String(decoding: errorBytes, as: UTF8.self)
        )
    }
}
