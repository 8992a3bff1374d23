import AgentCore
import Testing

@Suite struct SyncFailureTests {
    private func failure(_ status: Int, _ body: String = "", retryAfter: Int? = nil) -> SyncFailure {
        SyncFailure(status: status, body: Array(body.utf8), retryAfter: retryAfter)
    }

    @Test func aProblemsCodeSaysWhatIsWrong() {
        #expect(failure(410) == .resyncRequired)
        #expect(failure(410, #"{"code":"history_differs","detail":"Other."}"#) == .historyDiffers)
        #expect(failure(409, #"{"code":"chassis_elsewhere","detail":"There."}"#) == .chassisElsewhere("There"))
        #expect(failure(409, #"{"code":"stale_sequence","detail":"Late."}"#) == .staleSequence("Late"))
        #expect(failure(409, #"{"code":"chassis_conflict","detail":"Held."}"#) == .chassisConflict("Held"))
        #expect(failure(409, #"{"code":"other","detail":"No."}"#) == .refused("No"))
        #expect(failure(422, #"{"detail":"Bad."}"#) == .refused("Bad"))
    }

    @Test func aServerThatIsNotAbleIsAskedAgainWhenItSays() {
        let busy = SyncFailure.unavailable("central answers with status 503", retryAfter: .seconds(3))
        #expect(failure(503, "<html>", retryAfter: 3) == busy)
        #expect(failure(500) == .unavailable("central answers with status 500", retryAfter: nil))
    }

    @Test func whatNobodyOfOursSaysIsCutShort() {
        guard case .refused(let text) = failure(400, "{\"detail\":\"\(String(repeating: "x", count: 9000))\"}") else {
            Issue.record("400 is a refusal")
            return
        }
        #expect(text.count == 400)
    }
}
