import CLinux

/// The file in memory that tables are written to: it only grows, its octets never change, and other holders of its
/// descriptor can neither write nor shorten it.
///
/// A change writes new rows and copies of the nodes on the way to them, so that readers by a former root find
/// everything in its place. Rows that the change itself has written are changed in place.
final class TableFile {
    /// The largest file: what references reach.
    static let byteCountMaximum = Int(Reference.max) * 8
    private static let alignment = 16

    /// -1 for pages of this process alone.
    let descriptor: Int32
    private(set) var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// The octets that are written; what begins the file is nothing's, so that no reference is 0.
    private(set) var byteCount = alignment
    /// The start of the octets that the present change has written.
    private var changeStart = alignment

    /// - Parameter isPrivate: True for pages of this process alone, which take no descriptor.
    init(capacity wanted: Int = 1 << 16, isPrivate: Bool = false) {
        capacity = max(wanted, 1 << 12)
        var memory: UnsafeMutableRawPointer?
        let result =
            isPrivate ? clinux_map_private(capacity, &memory) : clinux_table_file("heddle-tables", capacity, &memory)
        guard result >= 0, let memory else { preconditionFailure("no memory for tables") }
        descriptor = isPrivate ? -1 : Int32(truncatingIfNeeded: result)
        base = memory
    }

    deinit {
        _ = clinux_unmap(base, capacity)
        if descriptor >= 0 { _ = clinux_close(descriptor) }
    }

    /// Begins a change: nothing that is there is written any more.
    func beginChange() { changeStart = byteCount }

    func append<Row: BitwiseCopyable>(_ row: Row) -> Reference {
        let reference = reserve(MemoryLayout<Row>.stride)
        store(row, at: reference)
        return reference
    }

    func append<Row: BitwiseCopyable>(_ rows: [Row]) -> Extent {
        guard !rows.isEmpty else { return .empty }
        let first = reserve(rows.count * MemoryLayout<Row>.stride)
        rows.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: base + Int(first) * 8, count: $0.count).copyMemory(from: $0)
        }
        return Extent(first: first, count: rows.count)
    }

    func load<Row: BitwiseCopyable>(_ type: Row.Type, at reference: Reference) -> Row {
        precondition(reference != 0)
        return base.load(fromByteOffset: Int(reference) * 8, as: Row.self)
    }

    func load<Row: BitwiseCopyable>(_ type: Row.Type, _ extent: Extent) -> [Row] {
        guard extent.count > 0 else { return [] }
        let start = (base + Int(extent.first) * 8).assumingMemoryBound(to: Row.self)
        return Array(UnsafeBufferPointer(start: start, count: extent.count))
    }

    private func store<Row: BitwiseCopyable>(_ row: Row, at reference: Reference) {
        base.storeBytes(of: row, toByteOffset: Int(reference) * 8, as: Row.self)
    }

    /// Room for so many octets, all zero.
    private func reserve(_ count: Int) -> Reference {
        let start = byteCount
        byteCount += (count + Self.alignment - 1) & ~(Self.alignment - 1)
        if byteCount > capacity { grow() }
        return Reference(start / 8)
    }

    private func grow() {
        let larger = max(byteCount, capacity * 2)
        precondition(larger <= Self.byteCountMaximum, "tables outgrow their file")
        var memory: UnsafeMutableRawPointer? = base
        guard clinux_grow_table_file(descriptor, capacity, larger, &memory) >= 0, let memory else {
            preconditionFailure("no memory for tables")
        }
        base = memory
        capacity = larger
    }
}

// Vectors and tries

extension TableFile {
    /// Puts a reference into a vector; 0 takes the element out.
    func set(_ reference: Reference, at index: Int, of vector: inout Vector) {
        while vector.levels == 0 || index >> (Int(vector.levels) * Node.bitCount) != 0 {
            if vector.root != 0 {
                let above = owned(0)
                setWord(0, of: above, to: vector.root)
                vector.root = above
            }
            vector.levels += 1
        }
        vector.root = setting(reference, at: index, below: vector.root, level: Int(vector.levels))
    }

    private func setting(_ reference: Reference, at index: Int, below node: Reference, level: Int) -> Reference {
        guard level > 0 else { return reference }
        let node = owned(node)
        let number = index >> ((level - 1) * Node.bitCount)
        setWord(number, of: node, to: setting(reference, at: index, below: word(number, of: node), level: level - 1))
        return node
    }

    /// Calls `body` with every element of a vector, in order.
    func forEach(in vector: Vector, _ body: (_ index: Int, Reference) -> Void) {
        visit(vector.root, level: Int(vector.levels), first: 0, body)
    }

    private func visit(_ node: Reference, level: Int, first: Int, _ body: (Int, Reference) -> Void) {
        guard node != 0 else { return }
        guard level > 0 else { return body(first, node) }
        for number in 0..<Node.wordCount {
            visit(word(number, of: node), level: level - 1, first: first << Node.bitCount | number, body)
        }
    }

    /// Puts a key into a trie, in the place of the row that has the key.
    func insert(_ row: KeyRow, into trie: inout Reference, seed: UInt64) {
        trie = inserting(row, append(row), below: trie, level: 0, seed: seed)
    }

    private func inserting(
        _ row: KeyRow,
        _ reference: Reference,
        below place: Reference,
        level: Int,
        seed: UInt64
    ) -> Reference {
        guard place != 0 else { return reference | 1 }
        var node = place
        if place & 1 == 1 {
            let present = load(KeyRow.self, at: place & ~1)
            if present.hasKey(of: row) { return reference | 1 }
            // Two keys with one hash of 64 bits under a seed that nobody knows: the later one is not found.
            guard level < Node.trieLevelMaximum else { return place }
            node = owned(0)
            setWord(Self.number(of: present, level, seed), of: node, to: place)
        } else {
            node = owned(place)
        }
        let number = Self.number(of: row, level, seed)
        let below = inserting(row, reference, below: word(number, of: node), level: level + 1, seed: seed)
        setWord(number, of: node, to: below)
        return node
    }

    func remove(_ row: KeyRow, from trie: inout Reference, seed: UInt64) {
        trie = removing(row, below: trie, level: 0, seed: seed)
    }

    private func removing(_ row: KeyRow, below place: Reference, level: Int, seed: UInt64) -> Reference {
        if place == 0 { return 0 }
        if place & 1 == 1 { return load(KeyRow.self, at: place & ~1).hasKey(of: row) ? 0 : place }
        guard level < Node.trieLevelMaximum else { return place }
        let number = Self.number(of: row, level, seed)
        let present = word(number, of: place)
        let next = removing(row, below: present, level: level + 1, seed: seed)
        guard next != present else { return place }
        let others = (0..<Node.wordCount).filter { $0 != number }.map { word($0, of: place) }.filter { $0 != 0 }
        // A node with one key is that key.
        if next == 0, others.isEmpty { return 0 }
        if next == 0, others.count == 1, others[0] & 1 == 1 { return others[0] }
        if next & 1 == 1, others.isEmpty { return next }
        let node = owned(place)
        setWord(number, of: node, to: next)
        return node
    }

    /// The row of a trie that has this row's key.
    func find(_ row: KeyRow, in trie: Reference, seed: UInt64) -> KeyRow? {
        var place = trie
        var level = 0
        while place != 0 {
            if place & 1 == 1 {
                let present = load(KeyRow.self, at: place & ~1)
                return present.hasKey(of: row) ? present : nil
            }
            place = word(Self.number(of: row, level, seed), of: place)
            level += 1
        }
        return nil
    }

    /// Calls `body` with every row of a trie, in no particular order.
    func forEachKey(in place: Reference, _ body: (KeyRow) -> Void) {
        guard place != 0 else { return }
        if place & 1 == 1 { return body(load(KeyRow.self, at: place & ~1)) }
        for number in 0..<Node.wordCount { forEachKey(in: word(number, of: place), body) }
    }

    private static func number(of row: KeyRow, _ level: Int, _ seed: UInt64) -> Int {
        guard level < Node.trieLevelMaximum else { return 0 }
        let bits = row.hash(seed: seed) >> UInt64(level * Node.bitCount)
        return Int(truncatingIfNeeded: bits) & (Node.wordCount - 1)
    }

    /// The element at an index of a vector; 0 if there is none.
    func element(_ index: Int, of vector: Vector) -> Reference {
        guard index >> (Int(vector.levels) * Node.bitCount) == 0 else { return 0 }
        var node = vector.root
        for level in (0..<Int(vector.levels)).reversed() where node != 0 {
            node = word(index >> (level * Node.bitCount), of: node)
        }
        return node
    }

    /// A node that the present change may write: the same, a copy of it, or a new one.
    private func owned(_ node: Reference) -> Reference {
        guard node != 0 else { return reserve(Node.byteCount) }
        guard Int(node) * 8 < changeStart else { return node }
        let copy = reserve(Node.byteCount)
        (base + Int(copy) * 8).copyMemory(from: base + Int(node) * 8, byteCount: Node.byteCount)
        return copy
    }

    /// A word of a node, by the lowest bits of its number.
    private func word(_ number: Int, of node: Reference) -> Reference {
        base.load(fromByteOffset: Self.offset(of: number, in: node), as: Reference.self)
    }

    private func setWord(_ number: Int, of node: Reference, to reference: Reference) {
        base.storeBytes(of: reference, toByteOffset: Self.offset(of: number, in: node), as: Reference.self)
    }

    private static func offset(of number: Int, in node: Reference) -> Int {
        Int(node) * 8 + (number & (Node.wordCount - 1)) * MemoryLayout<Reference>.stride
    }
}

// Copies without what nothing refers to

extension TableFile {
    /// Copies a run of rows from another file.
    func copy<Row: BitwiseCopyable>(_ type: Row.Type, _ extent: Extent, from other: TableFile) -> Extent {
        append(other.load(type, extent))
    }

    func copyTrie(_ place: Reference, from other: TableFile) -> Reference {
        guard place != 0 else { return 0 }
        if place & 1 == 1 { return append(copyKey(other.load(KeyRow.self, at: place & ~1), from: other)) | 1 }
        let node = owned(0)
        for number in 0..<Node.wordCount {
            setWord(number, of: node, to: copyTrie(other.word(number, of: place), from: other))
        }
        return node
    }

    /// Copies a vector from another file, each element as `copy` does.
    func copy(_ vector: Vector, from other: TableFile, _ copy: (Reference) -> Reference) -> Vector {
        var result = Vector.empty
        other.forEach(in: vector) { index, reference in set(copy(reference), at: index, of: &result) }
        return result
    }
}
