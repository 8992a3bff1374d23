/// Memory that rows are laid into one after the other while tables are compiled.
struct TableArena: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity = 1 << 16
    private var byteCount = 0

    /// Every row starts at a multiple of this, in octets.
    static let alignment = 16

    init() {
        memory = .allocate(byteCount: capacity, alignment: Self.alignment)
    }

    /// Room for `count` rows, zeroed.
    mutating func reserve<Row: BitwiseCopyable>(_ type: Row.Type, count: Int) -> Extent {
        let size = count * MemoryLayout<Row>.stride
        let offset = byteCount
        let end = (offset + size + Self.alignment - 1) & ~(Self.alignment - 1)
        if end > capacity { grow(to: end) }
        (memory + offset).initializeMemory(as: UInt8.self, repeating: 0, count: end - offset)
        byteCount = end
        return Extent(offset: offset, count: count)
    }

    /// Appends rows.
    mutating func append<Row: BitwiseCopyable>(_ rows: [Row]) -> Extent {
        guard !rows.isEmpty else { return .empty }
        let extent = reserve(Row.self, count: rows.count)
        for (index, row) in rows.enumerated() { store(row, in: extent, at: index) }
        return extent
    }

    /// Writes one row of a run.
    mutating func store<Row: BitwiseCopyable>(_ row: Row, in extent: Extent, at index: Int) {
        precondition(index >= 0 && index < extent.count)
        memory.storeBytes(of: row, toByteOffset: extent.offset + index * MemoryLayout<Row>.stride, as: Row.self)
    }

    /// Reads one row of a run.
    func load<Row: BitwiseCopyable>(_ type: Row.Type, in extent: Extent, at index: Int) -> Row {
        precondition(index >= 0 && index < extent.count)
        return memory.load(fromByteOffset: extent.offset + index * MemoryLayout<Row>.stride, as: Row.self)
    }

    /// Gives the memory away; the taker frees it.
    consuming func take() -> UnsafeMutableRawPointer { memory }

    private mutating func grow(to needed: Int) {
        capacity = max(needed, capacity * 2)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: Self.alignment)
        larger.copyMemory(from: memory, byteCount: byteCount)
        memory.deallocate()
        memory = larger
    }
}
