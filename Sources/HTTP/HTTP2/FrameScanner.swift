/// Finds frames that libnghttp2 ignores silently: DATA for streams that are closed, and priorities. It sees all that a
/// client sends, cut anywhere, and keeps no more than one frame's beginning.
struct FrameScanner {
    /// A frame whose beginning has been seen.
    enum Finding: Equatable {
        /// DATA (RFC 9113 section 6.1), of any length.
        case data(stream: Int32)
        /// PRIORITY of the usual length (RFC 9113 section 6.3; what is in it tells RFC 7540).
        case priority(stream: Int32, dependsOn: Int32)
    }

    private static let headerByteCount = 9
    private static let dependencyByteCount = 4
    private static let priorityByteCount = 5

    /// The rest of the preface, or of a frame whose content does not matter.
    private var passedByteCount = ConnectionPreface.byteCount
    /// The beginning of a frame.
    private var begun: [UInt8] = []

    /// Goes on after the beginning of the next frame of interest, or to the end of `bytes`.
    /// - Parameter position: where to go on.
    mutating func next(in bytes: UnsafeBufferPointer<UInt8>, at position: inout Int) -> Finding? {
        while position < bytes.count {
            if passedByteCount > 0 {
                let count = min(passedByteCount, bytes.count - position)
                passedByteCount -= count
                position += count
                continue
            }
            begun.append(bytes[position])
            position += 1
            if begun.count >= Self.headerByteCount, let finding = read() { return finding }
        }
        return nil
    }

    /// Reads a header that is whole; a PRIORITY frame's needs four bytes more.
    private mutating func read() -> Finding? {
        let length = number(0..<3)
        let stream = Int32(number(5..<9) & 0x7fff_ffff)
        if begun[3] == Kind.priority, length == Self.priorityByteCount {
            let wanted = Self.headerByteCount + Self.dependencyByteCount
            guard begun.count == wanted else { return nil }
            let dependency = Int32(number(Self.headerByteCount..<wanted) & 0x7fff_ffff)
            pass(length - Self.dependencyByteCount)
            return .priority(stream: stream, dependsOn: dependency)
        }
        let isData = begun[3] == Kind.data
        pass(length)
        return isData ? .data(stream: stream) : nil
    }

    private mutating func pass(_ byteCount: Int) {
        passedByteCount = byteCount
        begun.removeAll(keepingCapacity: true)
    }

    private func number(_ range: Range<Int>) -> Int { begun[range].reduce(0) { $0 << 8 | Int($1) } }

    private enum Kind {
        static let data: UInt8 = 0
        static let priority: UInt8 = 2
    }
}
