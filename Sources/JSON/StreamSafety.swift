extension StringProtocol {
    /// The most combining marks in a row of a text in the Stream-Safe Text Format (Unicode, UAX #15 section 13): what
    /// any language writes on one letter has room in it.
    @inlinable public static var markCountMaximum: Int { 30 }

    /// True if no more marks than that follow each other.
    ///
    /// To compare and to hash strings, marks are put in order, in a time that grows with the square of their number:
    /// some hundred kilobytes of them would take minutes.
    @inlinable public var isStreamSafe: Bool {
        guard utf8.contains(where: { $0 >= 0x80 }) else { return true }
        var count = 0
        for scalar in unicodeScalars {
            let isMark = scalar.value >= 0x300 && scalar.properties.canonicalCombiningClass != .notReordered
            count = isMark ? count + 1 : 0
            if count > Self.markCountMaximum { return false }
        }
        return true
    }
}
