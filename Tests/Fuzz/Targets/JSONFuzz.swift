import JSON

/// Any bytes are a JSON value or an error; what a value is written as stands for the same value.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    if let value = try? JSONParser.parse(bytes) {
        precondition((try? JSONParser.parse(value.bytes)) == value)
        _ = value.merged(with: value)
    }
    return 0
}
