import Netdev

/// Any bytes are netlink messages about devices and addresses, or an error.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNetlink(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard let messages = try? NetlinkMessage.messages(in: bytes) else { return 0 }
    for message in messages {
        _ = try? Link(message)
        _ = try? LinkAddress(message)
        _ = message.errorNumber
    }
    return 0
}
