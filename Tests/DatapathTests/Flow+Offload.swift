import Datapath
import TestSupport

extension Flow {
    /// A superpacket and its offload header.
    func whole(_ payload: [UInt8], segmentByteCount: Int) -> (frame: [UInt8], offload: OffloadHeader) {
        let (frame, header) = superpacket(payload, segmentByteCount: segmentByteCount)
        return (frame, OffloadHeader(octets: header))
    }
}

extension OffloadHeader {
    /// The header in these 10 octets.
    init(octets: [UInt8]) {
        self = octets.withUnsafeBytes { bytes in bytes.baseAddress.map { OffloadHeader($0) } ?? OffloadHeader() }
    }
}
