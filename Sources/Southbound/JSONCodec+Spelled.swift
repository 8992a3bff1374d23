import JSON
import Wire

extension JSONCodec where Value: Spelled {
    /// A value as a string, which is appended without being made: addresses are most of what is written.
    @inlinable public static func spelled(_ parse: @escaping @Sendable (String) -> Value?) -> JSONCodec {
        JSONCodec(
            json: { .string($0.description) },
            write: { value, text in
                text.append(UInt8(ascii: "\""))
                value.spell(to: &text)
                text.append(UInt8(ascii: "\""))
            },
            read: { $0.stringValue.flatMap(parse) }
        )
    }
}
