import AgentCore
import JSON

/// Any body is a request or a refusal.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPortRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let body = try? JSONParser.parse(bytes) else { return 0 }
    _ = try? PortRequest(name: "vm1", body: body)
    _ = try? PortRequest(name: body.text, body: body)
    return 0
}
