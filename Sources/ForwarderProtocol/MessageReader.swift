import Wire

/// Takes fields off a message, front to back; every one checks what is left.
struct MessageReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type = Value.self
    ) throws(ForwarderMessageError) -> Value {
        let size = Value.bitWidth / 8
        guard rest.count >= size else { throw .truncated }
        var value: Value = 0
        for byte in rest.prefix(size).reversed() { value = value << 8 | Value(byte) }
        rest = rest.dropFirst(size)
        return value
    }

    mutating func boolean() throws(ForwarderMessageError) -> Bool {
        switch try integer(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .invalidValue
        }
    }

    /// A string of at most `nameByteCountMaximum` bytes of UTF-8.
    mutating func name() throws(ForwarderMessageError) -> String {
        let count = Int(try integer(UInt32.self))
        guard count <= ForwarderProtocol.nameByteCountMaximum else { throw .tooLong }
        guard rest.count >= count else { throw .truncated }
        guard let text = String(validating: rest.prefix(count), as: UTF8.self) else { throw .invalidValue }
        rest = rest.dropFirst(count)
        return text
    }

    /// A list whose elements take at least `elementByteCountMinimum` bytes each, so that a count that the rest
    /// cannot hold is refused before anything is allocated for it.
    mutating func list<Element>(
        elementByteCountMinimum: Int,
        _ element: (inout MessageReader) throws(ForwarderMessageError) -> Element
    ) throws(ForwarderMessageError) -> [Element] {
        let count = Int(try integer(UInt32.self))
        guard count <= rest.count / elementByteCountMinimum else { throw .truncated }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    mutating func address() throws(ForwarderMessageError) -> IPAddress {
        switch try integer(UInt8.self) {
        case 4: return .v4(IPv4Address(try integer(UInt32.self)))
        case 6: return .v6(IPv6Address(high: try integer(UInt64.self), low: try integer(UInt64.self)))
        default: throw .invalidValue
        }
    }

    func end() throws(ForwarderMessageError) {
        guard rest.isEmpty else { throw .trailingBytes }
    }
}
