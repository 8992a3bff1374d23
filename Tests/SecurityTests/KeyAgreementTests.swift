import Testing

@testable import Security

@Suite struct KeyAgreementTests {
    private func octets(_ text: String) -> [UInt8] {
        let digits = Array(text.utf8).map { $0 < 0x3a ? $0 - 0x30 : $0 - 0x57 }
        return (0..<digits.count / 2).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }

    @Test func `Public keys are those of RFC 7748, section 6 point 1`() throws {
        let alice = try KeyAgreement(
            privateKey: octets("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        )
        #expect(alice.publicKey == octets("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))
        let bob = try KeyAgreement()
        #expect(try alice.secret(with: bob.publicKey, for: "a") == bob.secret(with: alice.publicKey, for: "a"))
        #expect(try alice.secret(with: bob.publicKey, for: "a") != alice.secret(with: bob.publicKey, for: "b"))
        #expect(try KeyAgreement().secret(with: bob.publicKey, for: "a") != alice.secret(with: bob.publicKey, for: "a"))
    }

    @Test func `What is no key, or makes every secret the same, is refused`() {
        #expect(throws: SecurityError.self) { try KeyAgreement(privateKey: [1, 2, 3]) }
        for bad in [[UInt8](repeating: 0, count: 32), [], [1]] {
            #expect(throws: SecurityError.self) { try KeyAgreement().secret(with: bad, for: "a") }
        }
    }
}
