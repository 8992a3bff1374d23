import AgentCore

/// Any bytes are a state file or an error, also those whose checksum is right; what is read is written as it was read.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStateFile(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    _ = try? StoredPorts(fileBytes: bytes)
    for file in [bytes, StateFile.seal(kind: "share", format: 1, bytes)] {
        guard let share = try? StoredShare(fileBytes: file, chassis: "hv1").share else { continue }
        var again: [UInt8] = []
        var text = ShareFile(chassis: "hv1")
        text.write(.whole(share), innerMTU: 1442) { again += $0 }
        precondition((try? StoredShare(fileBytes: again, chassis: "hv1").share) == share)
    }
    if let ports = try? StoredPorts(fileBytes: StateFile.seal(kind: "ports", format: 1, bytes)) {
        precondition((try? StoredPorts(fileBytes: ports.fileBytes)) == ports)
    }
    return 0
}
