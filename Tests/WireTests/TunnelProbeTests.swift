import Testing
import Wire

@Suite struct TunnelProbeTests {
    @Test func `A probe is a Geneve control packet with an option of ours, and comes back as it was`() throws {
        for isEcho in [false, true] {
            let probe = TunnelProbe(isEcho: isEcho, nonce: 0x0102_0304_0506_0708, payloadByteCount: 1472)
            var bytes = [UInt8](repeating: 0, count: TunnelProbe.byteCount)
            var span = bytes.mutableSpan
            probe.write(to: &span)
            #expect(TunnelProbe(parsing: bytes.span) == probe)
            let header = try GeneveHeader(parsing: bytes.span)
            #expect(header.isControl && header.byteCount == TunnelProbe.byteCount && header.vni == 0)
            let option = try GeneveOption(parsing: bytes.span.extracting(8..<24))
            #expect(option.byteCount == 16 && !option.isCritical && option.optionClass == TunnelProbe.optionClass)
        }
    }

    @Test func `Anything else is none`() {
        var bytes = [UInt8](repeating: 0, count: TunnelProbe.byteCount)
        var span = bytes.mutableSpan
        TunnelProbe(isEcho: false, nonce: 1, payloadByteCount: 24).write(to: &span)
        #expect(TunnelProbe(parsing: bytes.span.extracting(0..<23)) == nil)
        for index in 0..<12 {
            var other = bytes
            other[index] ^= 0x10
            #expect(TunnelProbe(parsing: other.span) == nil, "octet \(index)")
        }
    }
}
