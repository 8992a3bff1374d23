import JSON
import Testing

@testable import Client

@Suite struct HostInspectionTests {
    @Test func `A host where nothing runs and nothing can be reached has findings and no error`() throws {
        let nowhere = "/nonexistent/heddle"
        let report = HostInspection(
            version: "1.0",
            central: .success(try Connection(to: .central(url: "http://127.0.0.1:9"), token: nil)),
            isCentralNamed: true,
            agent: try Connection(to: .agent(socket: nowhere + "/agent.sock"), token: nil),
            isAgentNamed: true,
            stateDirectory: nowhere,
            dataDirectory: nowhere
        ).report()
        let failed = report.findings.filter { $0.level == .failed }.map(\.check)
        #expect(failed.starts(with: ["central", "agent", "forwarder"]))
        #expect(!report.isHealthy)
        let misnamed = HostInspection(
            version: "1.0",
            central: .failure(.usage("HEDDLE_NB is wrong")),
            isCentralNamed: true,
            agent: try Connection(to: .agent(socket: nowhere + "/agent.sock"), token: nil),
            isAgentNamed: false,
            stateDirectory: nowhere,
            dataDirectory: nowhere
        ).report()
        #expect(misnamed.findings[0].detail == "HEDDLE_NB is wrong")
    }

    @Test func `A central that answers is seen with its revision, version and clock`() throws {
        let central = ScriptedCaller { call in
            call.path == "/version"
                ? Reply(status: 200, date: 0, body: ["version": "1.0"])
                : Reply(status: 200, revision: 7, body: .string("ok\n"))
        }
        let report = HostInspection(
            version: "1.0",
            central: .success(central),
            isCentralNamed: true,
            agent: ScriptedCaller { _ in .problem(503, "unavailable", "No.") },
            isAgentNamed: false,
            stateDirectory: "/nonexistent/heddle",
            dataDirectory: "/nonexistent/heddle"
        ).report()
        #expect(report.findings[0] == .fine("central", "http://127.0.0.1:6641 is ready, revision 7"))
        #expect(report.findings.first { $0.check == "clock" }?.level == .warning)
        #expect(report.findings.first { $0.check == "agent" }?.level == .skipped)
    }
}
