import HTTP

/// Any bytes are decoded within the limit or refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGzip(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let content = try? GzipDecoder.decode(bytes, maximum: 1 << 16) else { return 0 }
    precondition(content.count <= 1 << 16)
    let again = GzipEncoder().encode(content).flatMap { try? GzipDecoder.decode($0, maximum: 1 << 16) }
    precondition(again == content)
    return 0
}
