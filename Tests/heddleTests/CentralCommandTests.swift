import Testing

@testable import heddle

@Suite struct CentralCommandTests {
    @Test(arguments: [
        ["--northbound", "6641"], ["--northbound", "localhost:6641"], ["--southbound", "::1:6642"],
        ["--southbound", "127.0.0.1:65536"], ["--data-dir", ""], ["--frobnicate"], ["start"],
        ["--insecure", "--tls"], ["--certificate", "x.pem"], ["--key", "x.pem"], ["--tls-name", "a b"],
        ["--tls-name", "-a"], ["--chassis-certificate-life", "2s"], ["--chassis-certificate-life", "soon"],
        ["--chassis-certificate-life", "366d"], ["--connections", "0"], ["--connections-per-address", "many"],
        ["--requests-per-connection", "0"], ["--streams-per-connection", "1025"], ["--parked-polls", "0"],
        ["--head-size", "1K"], ["--head-size", "8K8"], ["--body-size", "17M"], ["--body-size", "-1"],
        ["--head-timeout", "0s"], ["--body-timeout", "10"], ["--idle-timeout", "25h"],
        ["--shut-out-time", "never"],
    ])
    func `A wrong command line ends with 2 and one sentence`(words: [String]) throws {
        let outcome = try HeddleBinary.run(["central"] + words)
        #expect(outcome.status == 2)
        #expect(outcome.errors.hasPrefix("heddle: "))
        #expect(outcome.errors.contains("see 'heddle central --help'"))
        #expect(outcome.errors.count(where: { $0 == "\n" }) == 1)
    }

    @Test func `A second central on a data directory is refused and told who has it`() throws {
        let directory = try TemporaryDirectory()
        let words = [
            "central", "--data-dir", directory.path, "--northbound", "127.0.0.1:0", "--southbound", "[::1]:0",
        ]
        let first = try DaemonProcess(words)
        let second = try HeddleBinary.run(words)
        #expect(second.status == 1)
        #expect(second.errors.contains("process \(first.processID)"))
        #expect(first.stop() == 0)
    }
}
