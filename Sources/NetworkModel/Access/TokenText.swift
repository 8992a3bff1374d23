/// The text of a token as it is shown once: `heddle1.ID.SECRET`, and for a join token `heddle1.ID.SECRET.PIN`.
public struct TokenText: Equatable, Sendable, CustomStringConvertible {
    /// The prefix of all tokens, so that a search finds leaked ones.
    public static let prefix = "heddle1"

    /// The part that may be shown: ``Token/idDigitCount`` hexadecimal digits.
    public let id: String
    /// ``Token/secretDigitCount`` hexadecimal digits.
    public let secret: String
    /// SHA-256 of the public key of central's authority, in a join token: 64 hexadecimal digits.
    public let pin: String?

    /// A text of its parts, which are to be lower-case hexadecimal digits of the right number.
    public init(id: String, secret: String, pin: String? = nil) {
        self.id = id
        self.secret = secret
        self.pin = pin
    }

    /// The parts of a text; `nil` if it is none.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (3...4).contains(parts.count), parts[0] == Self.prefix,
            Self.isHexadecimal(parts[1], Token.idDigitCount),
            Self.isHexadecimal(parts[2], Token.secretDigitCount),
            parts.count == 3 || Self.isHexadecimal(parts[3], 64)
        else { return nil }
        self.init(id: String(parts[1]), secret: String(parts[2]), pin: parts.count == 4 ? String(parts[3]) : nil)
    }

    public var description: String { ([Self.prefix, id, secret] + (pin.map { [$0] } ?? [])).joined(separator: ".") }

    private static func isHexadecimal(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}
