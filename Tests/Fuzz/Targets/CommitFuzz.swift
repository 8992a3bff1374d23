import NetworkModel

/// Any row of a log is a commit or an error, and a commit fits a network or is refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCommit(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let commit = try? Commit(decoding: bytes) else { return 0 }
    var network = Network(epoch: commit.epoch)
    network.revision = commit.revision &- 1
    if (try? network.apply(commit)) != nil { precondition(network.revision == commit.revision) }
    return 0
}
