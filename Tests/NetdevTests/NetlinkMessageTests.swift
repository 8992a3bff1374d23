import CLinux
import Foundation
import Glibc
import Reactor
import TestSupport
import Testing

@testable import Netdev

@Suite struct NetlinkMessageTests {
    /// An RTM_NEWLINK with a name, and the NLMSG_DONE after it.
    static let datagram: [UInt8] = [
        0x34, 0x00, 0x00, 0x00, 0x10, 0x00, 0x02, 0x00,  // 52 bytes, RTM_NEWLINK, NLM_F_MULTI
        0x07, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x09, 0x00, 0x00, 0x00,  // ARPHRD_ETHER, index 9
        0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,  // IFF_UP | IFF_BROADCAST | IFF_LOWER_UP
        0x07, 0x00, 0x03, 0x00, 0x76, 0x31, 0x00, 0x00,  // IFLA_IFNAME "v1\0", padding
        0x0c, 0x00, 0x12, 0x80,  // IFLA_LINKINFO, nested
        0x08, 0x00, 0x01, 0x00, 0x74, 0x75, 0x6e, 0x00,  // IFLA_INFO_KIND "tun\0"
        0x14, 0x00, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00,  // NLMSG_DONE
        0x07, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00,
    ]

    /// Parses any bytes; must never trap.
    static func parse(_ bytes: [UInt8]) -> Int {
        guard let messages = try? NetlinkMessage.messages(in: bytes) else { return -1 }
        var count = 0
        for message in messages {
            if (try? Link(message)) != nil { count += 1 }
            if let address = try? LinkAddress(message), address.index != 0 { count += 1 }
            if message.errorNumber != 0 { count += 1 }
        }
        return count
    }

    @Test func `A datagram's messages come apart with their attributes`() throws {
        let messages = try NetlinkMessage.messages(in: Self.datagram)
        #expect(messages.map(\.type) == [16, 3])
        #expect(messages.map(\.sequence) == [7, 7])
        let link = try Link(messages[0])
        #expect(link.index == 9 && link.name == "v1" && link.kind == "tun" && link.isUp && link.hasCarrier)
        #expect(link.alias == nil && link.mac == nil)
    }

    @Test func `A datagram cut at any byte is refused or a shorter one`() throws {
        for count in 0..<Self.datagram.count {
            let messages = try? NetlinkMessage.messages(in: Array(Self.datagram[..<count]))
            #expect(messages?.count == (count == 0 ? 0 : count == 52 ? 1 : nil), "cut at \(count)")
        }
    }

    @Test func `Attributes that claim more than there is are refused`() {
        for place in [32, 40, 44] {
            var bytes = Self.datagram
            bytes[place] = 0x40
            #expect(throws: NetlinkMessage.Malformed.self) {
                try Link(try NetlinkMessage.messages(in: bytes)[0])
            }
        }
        var short = Self.datagram
        short[32] = 3
        #expect(throws: NetlinkMessage.Malformed.self) { try Link(try NetlinkMessage.messages(in: short)[0]) }
    }

    @Test func `An error carries the negative errno and the smallest number does not overflow`() throws {
        func errorNumber(_ code: Int32) throws -> Int32 {
            var request = NetlinkRequest(type: UInt16(NLMSG_ERROR), flags: 0, sequence: 1)
            request.appendLinkHeader(index: 0)
            var bytes = request.bytes
            withUnsafeBytes(of: code) { bytes.replaceSubrange(16..<20, with: $0) }
            return try #require(try NetlinkMessage.messages(in: bytes).first).errorNumber
        }
        #expect(try errorNumber(0) == 0)
        #expect(try errorNumber(-EEXIST) == EEXIST)
        #expect(try errorNumber(.min) == EBADMSG)
    }

    @Test func `Each seed of the fuzz corpus is parsed without a trap, and most are understood`() throws {
        let folder = "\(#filePath.dropLast("NetdevTests/NetlinkMessageTests.swift".count))Fuzz/Corpus/Netlink"
        let seeds = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(try seeds.count { Self.parse(try readFile("\(folder)/\($0)")) > 0 } >= 4)
    }

    @Test(arguments: 0..<8) func `Random damage never traps`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var understood = 0
        for _ in 0..<2000 {
            var bytes = Self.datagram
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            if Self.parse(bytes) > 0 { understood += 1 }
        }
        #expect(understood > 0)
    }
}
