import Client

/// Any configuration, and any variables before it, is a request or an error of the specification. The input is the
/// value of CNI_ARGS, a zero, and the configuration.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCNIRequest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
    let arguments = String(decoding: parts[0], as: UTF8.self)
    let input = parts.count > 1 ? parts[1] : bytes
    for command in CNIRequest.Command.allCases {
        let environment = [
            "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/run/netns/c1", "CNI_ARGS": arguments,
        ]
        _ = try? CNIRequest(command, environment: { environment[$0] }, input: input)
        _ = try? CNIRequest(command, environment: { _ in arguments }, input: input)
    }
    precondition(CNIConfiguration.versions.contains(CNIConfiguration.version(in: input)))
    return 0
}
