import Southbound

/// Any bytes are an answer of the feed or an error; what was read is read again from what it writes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFeedAnswer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let answer = try? FeedAnswer(parsing: bytes) else { return 0 }
    let again = try? FeedAnswer(parsing: answer.bytes)
    precondition(again?.changes.map(\.change) == answer.changes.map(\.change))
    return 0
}
