import Glibc

/// Random numbers of the kernel, taken many at a time: a call for each costs as much as putting an object in its place.
struct RandomReserve: RandomNumberGenerator {
    /// The numbers taken at once: 256 bytes, the most that the kernel gives in one piece.
    private static let count = 32

    private var numbers: [UInt64] = []

    mutating func next() -> UInt64 {
        if numbers.isEmpty { refill() }
        return numbers.removeLast()
    }

    private mutating func refill() {
        numbers = Array(repeating: 0, count: Self.count)
        let isFilled = numbers.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
        guard !isFilled else { return }
        var generator = SystemRandomNumberGenerator()
        for index in numbers.indices { numbers[index] = generator.next() }
    }
}
