import JSON
import OVSDB

/// Any bytes are the file of a database or an error, also those whose digests are right; so are a server's answers.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDatabaseFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    // A digest that a mutation need not find.
    let none = [UInt8](repeating: 0, count: 20)
    if let file = try? DatabaseFile(bytes, digest: { _ in none }) { check(file.contents) }
    var stream = JSONStream(byteCountMaximum: 1 << 16)
    for piece in stride(from: 0, to: bytes.count, by: 7) {
        stream.append(Array(bytes[piece..<min(piece + 7, bytes.count)]))
        do { while try stream.next() != nil {} } catch { break }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    for type in [ColumnType.map, .set(.string), .optional(.integer), .boolean, .set(.uuid)] {
        var reader = DatumReader(text)
        guard let datum = try? reader.datum(type) else { continue }
        var again = DatumReader(datum.text(type))
        // Names in the place of UUIDs are written as UUIDs are.
        if type.key != .uuid { precondition((try? again.datum(type)) == datum) }
        _ = datum.bareText
    }
    return 0
}

/// Checks that what was read is written as it was read.
private func check(_ contents: DatabaseContents) {
    for (table, rows) in contents.rows {
        for columns in rows.values {
            for (column, datum) in columns {
                guard let type = contents.schema[table]?[column] else { preconditionFailure("a column of no schema") }
                precondition(Datum(json: datum.json(type), type) == datum)
                precondition(datum.order(to: datum) == 0)
            }
        }
    }
}
