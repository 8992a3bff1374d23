/// A value with one canonical text, in ASCII and without anything that JSON escapes.
///
/// The text is appended to bytes as it is: a string in between would cost as much as the rest of writing it.
public protocol Spelled: CustomStringConvertible, Sendable {
    /// Appends the canonical text.
    func spell(to text: inout [UInt8])
}

extension Spelled {
    /// The canonical text.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(40)
        spell(to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}

/// Appends a number in decimal digits.
func spell(_ number: UInt32, to text: inout [UInt8]) {
    if number >= 10 { spell(number / 10, to: &text) }
    text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
}
