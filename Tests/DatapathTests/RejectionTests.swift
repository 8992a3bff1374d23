import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// The words to senders of what ACLs reject.
@Suite struct RejectionTests {
    private static func answer(to frame: [UInt8]) -> [UInt8] {
        var room = [UInt8](repeating: 0xee, count: Verdict.replyByteCountMaximum)
        let count = frame.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let frame = Frame(base, byteCount: bytes.count)
            return room.withUnsafeMutableBytes { frame.writeRejection(into: $0) }
        }
        return Array(room[..<count])
    }

    private static func packet(
        _ transport: UInt8,
        _ payload: [UInt8],
        isIPv6: Bool = false,
        tags: [VLANTag] = []
    ) -> [UInt8] {
        let (one, two) = (TestHost.mac(1), TestHost.mac(2))
        if isIPv6 {
            let packet =
                FrameBuilder.ipv6(TestHost.ipv6(1), TestHost.ipv6(2), nextHeader: transport, payload: payload)
            return FrameBuilder.ethernet(one, two, EtherType.ipv6, tags: tags, payload: packet)
        }
        let (from, to) = (TestHost.ipv4(1), TestHost.ipv4(2))
        let packet = FrameBuilder.ipv4(from, to, protocolNumber: transport, payload: payload)
        return FrameBuilder.ethernet(one, two, EtherType.ipv4, tags: tags, payload: packet)
    }

    private static func segment(_ flags: UInt8, _ sequence: UInt32, _ acknowledgment: UInt32, count: Int = 0) -> [UInt8]
    {
        let header = TCPHeader(
            sourcePort: 1000,
            destinationPort: 22,
            sequenceNumber: sequence,
            acknowledgmentNumber: acknowledgment,
            flags: flags,
            window: 1000
        )
        return FrameBuilder.written(20) { header.write(to: &$0) } + [UInt8](repeating: 1, count: count)
    }

    /// Checks the headers before the transport's, and its checksum over the pseudo-header.
    private static func transport(of answer: [UInt8], _ number: UInt8, isIPv6: Bool = false) throws -> [UInt8] {
        try #require(answer.count > 34)
        #expect(Array(answer[..<12]) == TestHost.mac(1).octets + TestHost.mac(2).octets)
        let start = 14 + (isIPv6 ? 40 : 20)
        var sum = InternetChecksum()
        let count = answer.count - start
        if isIPv6 {
            let header = try IPv6Header(parsing: answer.span.extracting(14..<answer.count))
            #expect(header.source == TestHost.ipv6(2) && header.destination == TestHost.ipv6(1))
            #expect(header.nextHeader == number && Int(header.payloadByteCount) == count)
            sum.addPseudoHeader(
                source: header.source,
                destination: header.destination,
                byteCount: UInt32(count),
                nextHeader: number
            )
        } else {
            let header = try IPv4Header(parsing: answer.span.extracting(14..<answer.count))
            let isValid = header.hasValidChecksum(in: answer.span.extracting(14..<answer.count))
            #expect(isValid && header.source == TestHost.ipv4(2) && header.destination == TestHost.ipv4(1))
            #expect(header.protocolNumber == number && Int(header.totalByteCount) == count + 20)
            if number == IPProtocol.tcp {
                sum.add(header.source.rawValue)
                sum.add(header.destination.rawValue)
                sum.add(UInt16(number))
                sum.add(UInt16(count))
            }
        }
        sum.add(answer.span.extracting(start..<answer.count))
        if number != IPProtocol.sctp { #expect(sum.value == 0) }
        return Array(answer[start...])
    }

    @Test(arguments: [false, true])
    func `TCP gets an RST that its sender believes, and an RST gets nothing`(isIPv6: Bool) throws {
        func answer(_ flags: UInt8, _ sequence: UInt32, _ acknowledgment: UInt32, count: Int = 0) -> [UInt8] {
            let segment = Self.segment(flags, sequence, acknowledgment, count: count)
            return Self.answer(to: Self.packet(IPProtocol.tcp, segment, isIPv6: isIPv6))
        }
        func header(_ answer: [UInt8]) throws -> [UInt8] {
            Array(try Self.transport(of: answer, IPProtocol.tcp, isIPv6: isIPv6)[..<14])
        }
        // SYN takes a number, as do FIN and each octet.
        let opened = answer(TCPFlags.synchronize, 0xffff_ffff, 0)
        #expect(try header(opened) == [0, 22, 3, 232, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x14])
        let data = answer(TCPFlags.synchronize | TCPFlags.finish, 100, 0, count: 10)
        #expect(try header(data) == [0, 22, 3, 232, 0, 0, 0, 0, 0, 0, 0, 112, 0x50, 0x14])
        let midst = answer(TCPFlags.acknowledgment, 100, 0x0102_0304, count: 10)
        #expect(try header(midst) == [0, 22, 3, 232, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x04])
        #expect(answer(TCPFlags.reset, 1, 0) == [] && answer(TCPFlags.reset | TCPFlags.acknowledgment, 1, 1) == [])
    }

    @Test func `Other IP gets port unreachable about the packet's start, behind its tags`() throws {
        let frame = Self.packet(IPProtocol.udp, FrameBuilder.udp(900, 53, count: 4))
        let message = try Self.transport(of: Self.answer(to: frame), IPProtocol.icmpv4)
        #expect(Array(message[..<2]) == [3, 3] && Array(message[4...]) == [0, 0, 0, 0] + frame[14...])
        let frame6 = Self.packet(IPProtocol.udp, FrameBuilder.udp(900, 53, count: 1400), isIPv6: true)
        let message6 = try Self.transport(of: Self.answer(to: frame6), IPProtocol.icmpv6, isIPv6: true)
        #expect(Array(message6[..<2]) == [1, 4] && Array(message6[8...]) == Array(frame6[14..<14 + 1232]))
        let tag = VLANTag(controlInformation: 100)
        let tagged = Self.answer(to: Self.packet(IPProtocol.udp, FrameBuilder.udp(900, 53), tags: [tag]))
        #expect(try EthernetHeader(parsing: tagged.span).outerTag == tag && tagged[38] == 3)
        #expect(!Self.answer(to: Self.packet(IPProtocol.icmpv4, [8, 0, 0, 0, 0, 7, 0, 1])).isEmpty)
    }

    @Test func `SCTP gets an ABORT under its receiver's tag, with the checksum of RFC 9260`() throws {
        let common: [UInt8] = [3, 232, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0]
        func answer(_ chunk: [UInt8]) -> [UInt8] { Self.answer(to: Self.packet(IPProtocol.sctp, common + chunk)) }
        let initiation = answer([1, 0, 0, 20, 9, 8, 7, 6] + [UInt8](repeating: 0, count: 12))
        let abort = try Self.transport(of: initiation, IPProtocol.sctp)
        // The checksum by another program.
        #expect(abort == [0, 80, 3, 232, 9, 8, 7, 6] + [95, 9, 104, 132] + [6, 0, 0, 4])
        #expect(try Self.transport(of: answer([0, 0, 0, 4]), IPProtocol.sctp)[12...] == [6, 1, 0, 4])
        for type: UInt8 in [6, 9, 11, 14] { #expect(answer([type, 0, 0, 4]) == []) }
        #expect(answer([1, 0, 0, 20, 0, 0, 0, 0]) == [] && answer([1, 0, 0, 4]) == [] && answer([0]) == [])
        var sum = CRC32C()
        sum.add(Array("123456789".utf8).span)
        #expect(sum.value == 0xe306_9283)
    }

    @Test func `Nobody is told of ARP, groups, errors and later fragments, and cut packets end nothing`() {
        #expect(Self.answer(to: TestHost.arpRequest(1, 2, to: TestHost.mac(2))) == [])
        var toAll = TestHost.udp(1, 2)
        toAll[0] = 0xff
        #expect(Self.answer(to: toAll) == [])
        #expect(Self.answer(to: Self.packet(IPProtocol.icmpv4, [3, 3, 0, 0, 0, 0, 0, 0])) == [])
        #expect(Self.answer(to: Self.packet(IPProtocol.icmpv6, [1, 4, 0, 0, 0, 0, 0, 0], isIPv6: true)) == [])
        var later = TestHost.udp(1, 2)
        later[21] = 1
        #expect(Self.answer(to: later) == [])
        for frame in [
            Self.packet(IPProtocol.tcp, Self.segment(2, 1, 0)),
            Self.packet(IPProtocol.sctp, Array(repeating: 1, count: 24)), TestHost.udp6(1, 2, count: 40),
        ] {
            for count in 0...frame.count { _ = Self.answer(to: Array(frame[..<count])) }
            // Also if the packet says that it is as short.
            for count in 20..<frame.count - 14 where frame[12] == 8 && frame[13] == 0 {
                var short = Array(frame[..<(14 + count)])
                short[17] = UInt8(count)
                _ = Self.answer(to: short)
            }
        }
    }

    @Test func `A trace tells the answer, whoever rejects`() {
        let rule = PacketFilter.Rule(name: "a", direction: .toPort, tier: 0, match: "udp", action: .reject)
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1")])
        for direction in PacketFilter.Direction.allCases {
            var rule = rule
            rule.direction = direction
            host.update(at: .zero) { $0.datapaths[0].filter = PacketFilter(acls: [rule]) }
            let trace = withExtendedLifetime(host.tables) { host.tables.view.trace(TestHost.udp(1, 2), from: 0) }
            #expect(trace.outputs.last == .answer(.rejection, Self.answer(to: TestHost.udp(1, 2))))
            #expect(trace.steps.last?.acl == 0 && trace.steps.last?.decision == .drop(.rejected))
        }
    }
}
