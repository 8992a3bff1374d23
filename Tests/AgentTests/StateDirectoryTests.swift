import Foundation
import Testing

@testable import Agent
@testable import AgentCore

@Suite struct StateDirectoryTests {
    private let path = "/tmp/hd-state-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    private func remove() { try? FileManager.default.removeItem(atPath: path) }

    @Test func theIdentityAndWhatIsSavedOutliveTheAgent() throws {
        defer { remove() }
        let first = try StateDirectory(path: path)
        let id = try first.chassisID()
        let port = StoredPort(
            specification: PortSpecification(name: "a", logicalPort: "a", interface: "a"),
            isOwned: true,
            claim: 3
        )
        #expect(first.save(StoredPorts(lastClaim: 3, ports: [port])) == nil)
        #expect(try first.chassisID() == id)
        #expect(try first.ports().ports == [port])
        #expect(try first.share(of: "hv1").stored == nil)
    }

    @Test func oneAgentHasItAtATime() throws {
        defer { remove() }
        let first = try StateDirectory(path: path)
        let failure = #expect(throws: AgentFailure.self) { try StateDirectory(path: path) }
        #expect(failure?.description.contains("process \(getpid()) is the agent of") == true)
        withExtendedLifetime(first) {}
    }

    @Test func withoutAFileClaimsBeginWhereNoLostFileCanHaveBeen() throws {
        defer { remove() }
        #expect(try StateDirectory(path: path).ports().lastClaim > 1_700_000_000)
    }

    @Test func portsThatCannotBeReadAreAnErrorAndAShareIsAskedForAnew() throws {
        defer { remove() }
        let directory = try StateDirectory(path: path)
        try Data("junk".utf8).write(to: URL(fileURLWithPath: "\(path)/ports"))
        try Data("junk".utf8).write(to: URL(fileURLWithPath: "\(path)/share"))
        #expect(throws: AgentFailure.self) { try directory.ports() }
        let (stored, warning) = try directory.share(of: "hv1")
        #expect(stored == nil && warning?.contains("is not used") == true)
    }

    @Test func anIdentityThatIsNoneIsNotReplacedSilently() throws {
        defer { remove() }
        let directory = try StateDirectory(path: path)
        try Data("junk".utf8).write(to: URL(fileURLWithPath: "\(path)/chassis_id"))
        #expect(throws: AgentFailure.self) { try directory.chassisID() }
    }
}
