import JSON
import Southbound

/// Any bytes are a sync or an error; what was read is read again from what it writes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSyncRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let json = try? JSONParser.parse(bytes), let sync = try? SyncRequest(json: json) else { return 0 }
    precondition((try? SyncRequest(json: sync.json)) == sync)
    return 0
}
