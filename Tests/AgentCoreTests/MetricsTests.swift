import ForwarderProtocol
import Testing

@testable import AgentCore

/// The agent's counters for Prometheus.
@Suite struct MetricsTests {
    private func lines(_ statistics: SourceStatistics?) throws -> [String] {
        let specification = PortSpecification(name: "vm1", logicalPort: "ls1-vm1", interface: "vm1")
        let port = PortReport(
            specification: specification,
            isOwned: true,
            claim: 1,
            state: .up,
            detail: "",
            statistics: statistics
        )
        let answer = Answer.ports([port], paths: [], forwarder: ForwarderStatistics())
        return try #require(answer.metrics).split(separator: "\n").map(String.init)
    }

    @Test func `What a port has sent and got is told beside its drops and answers`() throws {
        var statistics = SourceStatistics(name: "vm1")
        (statistics.receivedFrames, statistics.receivedBytes) = (7, 700)
        (statistics.sentFrames, statistics.sentBytes, statistics.unsentFrames) = (5, 500, 1)
        statistics.drops = [NamedCount(name: "vlan_tagged", frames: 2)]
        statistics.answers = [NamedCount(name: "dhcp_offer", frames: 3)]
        let port = #"logical_port="ls1-vm1""#
        for line in [
            "heddle_received_frames_total{\(port)} 7", "heddle_received_bytes_total{\(port)} 700",
            "heddle_sent_frames_total{\(port)} 5", "heddle_sent_bytes_total{\(port)} 500",
            "heddle_unsent_frames_total{\(port)} 1",
            #"heddle_dropped_frames_total{logical_port="ls1-vm1",reason="vlan_tagged"} 2"#,
            #"heddle_answers_total{logical_port="ls1-vm1",kind="dhcp_offer"} 3"#,
            #"heddle_received_frames_total{logical_port=""} 0"#,
        ] { #expect(try lines(statistics).contains(line)) }
    }

    @Test func `A port whose counters are not there has no lines, and each family is announced once`() throws {
        let lines = try lines(nil)
        #expect(!lines.contains { $0.contains("ls1-vm1") })
        let families = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        #expect(Set(families).count == families.count)
    }
}
