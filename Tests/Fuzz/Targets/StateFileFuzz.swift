import AgentCore

/// Any bytes are a state file or an error, also those whose checksum is right; what is read is written as it was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStateFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    _ = try? Share.read(bytes, chassis: "hv1")
    _ = try? StoredPorts(fileBytes: bytes)
    if let share = try? Share.read(StateFile.seal(kind: "share", format: 1, bytes), chassis: "hv1").share {
        let again = try? Share.read(share.fileBytes(chassis: "hv1", innerMTU: 1442), chassis: "hv1").share
        precondition(again == share)
    }
    if let ports = try? StoredPorts(fileBytes: StateFile.seal(kind: "ports", format: 1, bytes)) {
        precondition((try? StoredPorts(fileBytes: ports.fileBytes)) == ports)
    }
    return 0
}
