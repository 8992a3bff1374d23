/// A real `heddle central` on ports of its own, with a data directory that goes with it.
struct RunningCentral {
    /// The environment by which its clients find it.
    let environment: [String: String]
    /// The process.
    let daemon: DaemonProcess
    private let directory: TemporaryDirectory

    /// It does not say where it listens; this is what it said.
    struct Failure: Error {
        let log: String
    }

    /// Returns when it says that it is ready.
    init() throws {
        directory = try TemporaryDirectory()
        daemon = try DaemonProcess([
            "central", "--data-dir", directory.path, "--northbound", "127.0.0.1:0", "--southbound", "127.0.0.1:0",
        ])
        guard let url = daemon.log.firstMatch(of: /northbound (http:\/\/[0-9.:]+)/)?.1 else {
            throw Failure(log: daemon.log)
        }
        environment = ["HEDDLE_NB": String(url)]
    }
}
