import AgentCore

/// Any messages, in any order and with any number of descriptors, are taken or refused, and what is to be served has as
/// many descriptors as it says.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzVhostUserSession(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))[...]
    var session = VhostUserSession<Int>()
    while bytes.count > VhostUserHeader.byteCount {
        let fileCount = Int(bytes.removeFirst() & 0xf)
        guard let header = try? VhostUserHeader(parsing: Array(bytes.prefix(VhostUserHeader.byteCount))) else {
            return 0
        }
        bytes = bytes.dropFirst(VhostUserHeader.byteCount)
        let payload = Array(bytes.prefix(header.payloadByteCount))
        bytes = bytes.dropFirst(header.payloadByteCount)
        guard (try? session.take(header, payload, Array(repeating: 1, count: fileCount))) != nil else { return 0 }
        if let device = session.device(silent: 0) {
            precondition(device.files.count == device.layout.descriptorCount)
        }
    }
    return 0
}
