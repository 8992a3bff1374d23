/// The process that moves packets: `heddle forwarder`.
public enum ForwarderProcess {
    /// Runs until SIGTERM.
    /// - Parameter stateDirectory: holds `forwarder.sock` and `forwarder.pid`; it exists.
    /// - Throws: when another forwarder has the directory, or the socket cannot be made.
    public static func run(stateDirectory: String) throws(StartFailure) {
        throw .notPossible("not yet")
    }

    /// Why the process could not start: one sentence.
    public struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The sentence.
        public let description: String

        static func notPossible(_ text: String) -> StartFailure { StartFailure(description: text) }
    }
}
