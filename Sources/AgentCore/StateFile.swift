import Wire

/// The envelope of the agent's state files: a line `heddle-KIND FORMAT CHECKSUM`, then the content.
///
/// The checksum finds a file that was cut or changed; the format tells a file of another release.
public enum StateFile {
    /// The reason why a file cannot be used.
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The first line is not one of ours.
        case notOurs
        /// The file is of another format than this release reads.
        case format(String)
        /// The content is not what was written.
        case checksum
        /// The content is whole, yet does not say what it must.
        case content(String)

        /// One clause for the log.
        public var description: String {
            switch self {
            case .notOurs: "it does not begin as a file of Heddle does"
            case .format(let format): "it has format \(format), which this release does not read"
            case .checksum: "its checksum is wrong: it was cut or changed"
            case .content(let what): "it is complete, but \(what)"
            }
        }
    }

    /// The longest first line: a kind, a format, and a chassis' name.
    private static let headByteCountMaximum = 200

    /// A file's bytes around its content.
    public static func seal(kind: String, format: Int, _ content: [UInt8]) -> [UInt8] {
        Array("heddle-\(kind) \(format) \(Checksum(of: content).text)\n".utf8) + content
    }

    /// The content of a file.
    /// - Throws: ``Failure`` if it is not what ``seal(kind:format:_:)`` made for this kind and format.
    public static func open(kind: String, format: Int, _ bytes: [UInt8]) throws(Failure) -> ArraySlice<UInt8> {
        let (found, checksum, first) = try head(kind: kind, bytes)
        guard found == "\(format)" else { throw .format(found) }
        let content = bytes[first...]
        guard checksum == Checksum(of: content).text else { throw .checksum }
        return content
    }

    /// The second and third words of a file of this kind, and the index of the line after them.
    static func head(
        kind: String,
        _ bytes: [UInt8]
    ) throws(Failure) -> (format: String, word: String, first: Int) {
        guard let end = bytes.prefix(headByteCountMaximum).firstIndex(of: UInt8(ascii: "\n")) else { throw .notOurs }
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(
            separator: " ",
            omittingEmptySubsequences: false
        )
        guard words.count == 3, words[0] == "heddle-\(kind)" else { throw .notOurs }
        return (String(words[1].prefix(20)), String(words[2]), end + 1)
    }

    /// FNV-1a, 64 bits (RFC 9923): every change of one byte changes it.
    struct Checksum {
        /// The digits of its text.
        static let digitCount = 16
        private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

        init() {}

        init(of bytes: some Sequence<UInt8>) { add(bytes) }

        mutating func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }

        var text: String { hexadecimal(hash) }
    }
}
