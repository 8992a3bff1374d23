import Foundation

/// A real daemon, `heddle central` or another, started as a user starts it.
final class DaemonProcess {
    /// The log up to its ready line.
    let log: String
    private let process = Process()

    /// It ended instead of getting ready; this is what it said.
    struct Failure: Error {
        let log: String
    }

    /// Starts it and returns when it says on a whole line that it is ready.
    /// - Parameter sign: The word that says so.
    init(_ words: [String], sign: String = "ready") throws {
        process.executableURL = URL(fileURLWithPath: HeddleBinary.path)
        process.arguments = words
        process.environment = [:]
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        var text = ""
        while !text.contains(sign) || !text.hasSuffix("\n") {
            let bytes = errors.fileHandleForReading.availableData
            guard !bytes.isEmpty else {
                process.waitUntilExit()
                throw Failure(log: text)
            }
            text += String(decoding: bytes, as: UTF8.self)
        }
        log = text
    }

    deinit {
        if process.isRunning { _ = stop() }
    }

    /// Its process id.
    var processID: Int32 { process.processIdentifier }

    /// Ends it; its exit code.
    func stop() -> Int32 {
        process.terminate()
        return waitUntilExit()
    }

    /// Waits for its end; its exit code.
    func waitUntilExit() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }
}

/// A directory that goes with the test.
final class TemporaryDirectory {
    /// Its path, short enough for sockets in it.
    let path = "/tmp/hd-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    /// A new, empty one.
    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
