import ForwarderProtocol

/// Any bytes are a message or an error; a message is the only one with its bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzForwarderMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    if let message = try? ForwarderMessage(parsing: bytes) {
        precondition(message.encode() == bytes)
    }
    var assembler = MessageAssembler()
    _ = try? assembler.receive(bytes)
    return 0
}
