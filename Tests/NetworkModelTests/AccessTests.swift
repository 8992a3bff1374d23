import JSON
import Persistent
import Testing

@testable import NetworkModel

@Suite struct AccessDatabaseTests {
    private let hash = String(repeating: "a", count: 64)

    private func request(_ change: AccessRequest.Change) -> AccessRequest {
        AccessRequest(change, author: "user/0", requestID: "r")
    }

    private func create(_ number: Int, _ grant: Token.Grant = .role(.viewer), lifetime: Int64 = 60) -> AccessRequest {
        let digits = String(number, radix: 16)
        let id = String(repeating: "0", count: 16 - digits.utf8.count) + digits
        return request(.create(grant, id: id, hash: hash, lifetime: lifetime))
    }

    @Test func `Texts of tokens are read back, and nothing else is one`() {
        let id = "0123456789abcdef"
        let secret = String(repeating: "0f", count: 32)
        for text in [TokenText(id: id, secret: secret), TokenText(id: id, secret: secret, pin: secret)] {
            #expect(TokenText(text.description) == text)
            // Without its end it is none, but for the pin and its dot.
            for count in 0..<text.description.count where count != 8 + 16 + 1 + 64 || text.pin == nil {
                #expect(TokenText(String(text.description.prefix(count))) == nil)
            }
        }
        for text in [
            "heddle2.\(id).\(secret)", "heddle1.\(id.uppercased()).\(secret)", "heddle1.\(id).\(secret).",
            "heddle1.\(id).\(secret).\(secret).\(secret)", " heddle1.\(id).\(secret)", "heddle1.\(id).\(secret)\n",
        ] {
            #expect(TokenText(text) == nil)
        }
    }

    @Test func `Roles include those below them`() {
        let included = Role.allCases.map { role in Role.allCases.filter(role.includes) }
        #expect(
            included == [
                [.admin, .editor, .viewer, .metrics], [.editor, .viewer, .metrics], [.viewer, .metrics], [.metrics],
            ]
        )
    }

    @Test func `Rows of the log bring back what was there`() throws {
        var database = AccessDatabase()
        let join = create(2, .join(chassis: "hv1"))
        _ = try database.perform(create(1), revision: 1, time: 100)
        _ = try database.perform(join, revision: 2, time: 100)
        let enrolment = request(.enrol(chassis: "hv1", token: "0000000000000002", hash: hash, enrolment: "e"))
        let touched = try database.perform(enrolment, revision: 3, time: 120)
        #expect(touched.tokens == ["0000000000000002"] && touched.chassis == ["hv1"])
        var copy = AccessDatabase()
        for entry in database.tokens {
            let row = try #require(database.tokenRow(entry.key))
            #expect(copy.restoreToken(try JSONParser.parse(row), id: entry.key, revision: entry.value.revision))
        }
        let row = try #require(database.enrolmentRow("hv1"))
        #expect(copy.restoreEnrolment(try JSONParser.parse(row), chassis: "hv1"))
        #expect(copy.tokens.map(\.value.token) == database.tokens.map(\.value.token))
        #expect(copy.tokens.map(\.value.bytes) == database.tokens.map(\.value.bytes))
        #expect(copy.enrolments["hv1"] == Enrolment(id: "e", token: "0000000000000002", time: 120))
        #expect(!copy.restoreToken(.null, id: "x", revision: 1) && !copy.restoreEnrolment([:], chassis: "x"))
    }

    @Test func `Of two joinings with one token one wins`() throws {
        var database = AccessDatabase()
        _ = try database.perform(create(1, .join(chassis: "hv1")), revision: 1, time: 100)
        let joining = request(.enrol(chassis: "hv1", token: "0000000000000001", hash: hash, enrolment: "e"))
        _ = try database.perform(joining, revision: 2, time: 100)
        let refusal = #expect(throws: Refusal.self) { try database.perform(joining, revision: 3, time: 100) }
        #expect(refusal?.code == .forbidden && refusal?.detail.contains("was used at 1970-01-01T00:01:40Z") == true)
    }

    @Test func `A spent token makes way after a week, and there is a most of them`() throws {
        var database = AccessDatabase()
        for number in 0..<AccessDatabase.tokenCountMaximum {
            guard case .create(let grant, let id, let hash, _) = create(number).change else { continue }
            let end: Int64 = number == 0 ? 1 : 1_000_000
            let token = Token(id: id, grant: grant, hash: hash, createdBy: "x", createdAt: 0, expiresAt: end)
            database.setToken(token, id: id, revision: 1)
        }
        let late = AccessDatabase.spentTokenSeconds
        let one = create(AccessDatabase.tokenCountMaximum, lifetime: 1_000_000)
        let refusal = #expect(throws: Refusal.self) { try database.perform(one, revision: 2, time: late) }
        #expect(refusal?.code == .limitExceeded)
        let touched = try database.perform(one, revision: 2, time: late + 2)
        #expect(touched.tokens.sorted().first == "0000000000000000" && touched.tokens.count == 2)
        #expect(database.tokens.count == AccessDatabase.tokenCountMaximum)
    }

    @Test func `Texts are the same or not, whatever their length`() {
        #expect(isSame("", "") && isSame("abc", "abc") && !isSame("abc", "abd") && !isSame("abc", "ab"))
    }
}
