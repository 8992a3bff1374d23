import JSON
import TestSupport
import Testing

@testable import Client

@Suite struct DoctorTests {
    @Test func `Each fault is found, by itself, with its remedy`() {
        let fine = Set(Diagnosis(facts: DoctorFaults.healthy).report.findings.map(\.detail))
        var text = ""
        for (name, change) in DoctorFaults.faults {
            var facts = DoctorFaults.healthy
            change(&facts)
            let report = Diagnosis(facts: facts).report
            text += "== \(name)\n"
            for finding in report.findings where name == "nothing" || !fine.contains(finding.detail) {
                text += "\(finding.level.rawValue) \(finding.check): \(finding.detail)\n"
                if let remedy = finding.remedy { text += "    -> \(remedy)\n" }
            }
            for finding in report.findings { #expect(finding.needsAttention == (finding.remedy != nil)) }
        }
        let mismatch = goldenMismatch(text, named: "doctor")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `Only what needs attention makes a host unhealthy`() {
        #expect(Diagnosis(facts: DoctorFaults.healthy).report.isHealthy)
        let text = Diagnosis(facts: DoctorFaults.healthy).report.text
        #expect(text.hasSuffix("\nAll is well.\n"))
        var facts = DoctorFaults.healthy
        facts.tunDevice = .unusable(2)
        let report = Diagnosis(facts: facts).report
        #expect(!report.isHealthy)
        #expect(report.text.hasSuffix("\n1 finding.\n"))
        #expect(report.json["healthy"] == false)
        let tun = report.json["findings"]?.arrayValue?.first { $0["check"] == "tun" }
        #expect(tun?["level"] == "failed")
        #expect(tun?["remedy"]?.stringValue?.contains("modprobe") == true)
    }
}
