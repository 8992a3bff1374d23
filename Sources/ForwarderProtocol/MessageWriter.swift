import Wire

/// Appends fields to a message.
struct MessageWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ value: some FixedWidthInteger) {
        var rest = value
        for _ in 0..<(rest.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    mutating func put(_ value: Bool) {
        put(UInt8(value ? 1 : 0))
    }

    mutating func put(_ text: String) {
        put(count: text.utf8.count)
        bytes.append(contentsOf: text.utf8)
    }

    mutating func put(count: Int) {
        put(UInt32(clamping: count))
    }

    mutating func put<Element>(_ list: [Element], _ body: (inout MessageWriter, Element) -> Void) {
        put(count: list.count)
        for element in list { body(&self, element) }
    }

    mutating func put(_ address: IPAddress) {
        switch address {
        case .v4(let address):
            put(UInt8(4))
            put(address.rawValue)
        case .v6(let address):
            put(UInt8(6))
            put(address.high)
            put(address.low)
        }
    }
}
