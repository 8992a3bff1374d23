import CLinux
import Testing
import Wire

@testable import Netdev

/// The bytes as they are on a little-endian machine, which all our builds are.
@Suite struct NetlinkRequestTests {
    @Test func `A link change is ifinfomsg and one attribute a property`() {
        var request = NetlinkRequest(type: 16, flags: 0x5, sequence: 7)
        let change = LinkChange(
            name: "vm1",
            alias: "heddle:p",
            mac: MACAddress("02:ac:10:ff:00:11"),
            mtu: 1442,
            transmitQueueLength: 4000,
            isUp: true
        )
        change.append(to: &request, index: 9, namespace: 5)
        #expect(
            request.bytes == [
                0x58, 0x00, 0x00, 0x00,  // nlmsg_len 88
                0x10, 0x00, 0x05, 0x00,  // RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK
                0x07, 0x00, 0x00, 0x00,  // sequence
                0x00, 0x00, 0x00, 0x00,  // port id
                0x00, 0x00, 0x00, 0x00,  // AF_UNSPEC, padding, type
                0x09, 0x00, 0x00, 0x00,  // index
                0x01, 0x00, 0x00, 0x00,  // IFF_UP
                0x01, 0x00, 0x00, 0x00,  // … is what changes
                0x08, 0x00, 0x1c, 0x00, 0x05, 0x00, 0x00, 0x00,  // IFLA_NET_NS_FD 5
                0x08, 0x00, 0x03, 0x00, 0x76, 0x6d, 0x31, 0x00,  // IFLA_IFNAME "vm1\0"
                0x0c, 0x00, 0x14, 0x00,  // IFLA_IFALIAS, without a zero
                0x68, 0x65, 0x64, 0x64, 0x6c, 0x65, 0x3a, 0x70,
                0x0a, 0x00, 0x01, 0x00,  // IFLA_ADDRESS, 6 bytes and 2 of padding
                0x02, 0xac, 0x10, 0xff, 0x00, 0x11, 0x00, 0x00,
                0x08, 0x00, 0x04, 0x00, 0xa2, 0x05, 0x00, 0x00,  // IFLA_MTU 1442
                0x08, 0x00, 0x0d, 0x00, 0xa0, 0x0f, 0x00, 0x00,  // IFLA_TXQLEN 4000
            ]
        )
    }

    @Test func `What a link change does not name is not in the message`() {
        var request = NetlinkRequest(type: 16, flags: 0x5, sequence: 1)
        LinkChange(isUp: false).append(to: &request, index: 2)
        #expect(
            request.bytes == [
                0x20, 0x00, 0x00, 0x00, 0x10, 0x00, 0x05, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                0x00, 0x00, 0x00, 0x00,
                0x02, 0x00, 0x00, 0x00,
                0x00, 0x00, 0x00, 0x00,  // IFF_UP off
                0x01, 0x00, 0x00, 0x00,
            ]
        )
    }

    @Test func `An IPv4 address is local and far end alike`() throws {
        var request = NetlinkRequest(type: 20, flags: 0x605, sequence: 2)
        request.appendAddress(try #require(IPPrefix("172.16.255.11/24")), index: 3)
        #expect(
            request.bytes == [
                0x28, 0x00, 0x00, 0x00,  // nlmsg_len 40
                0x14, 0x00, 0x05, 0x06,  // RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK | NLM_F_REQUEST
                0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                0x02, 0x18, 0x00, 0x00,  // AF_INET, /24, no flags, scope universe
                0x03, 0x00, 0x00, 0x00,  // index
                0x08, 0x00, 0x02, 0x00, 0xac, 0x10, 0xff, 0x0b,  // IFA_LOCAL
                0x08, 0x00, 0x01, 0x00, 0xac, 0x10, 0xff, 0x0b,  // IFA_ADDRESS
            ]
        )
    }

    @Test func `An IPv6 address is not held back by duplicate detection`() throws {
        var request = NetlinkRequest(type: 20, flags: 0x605, sequence: 2)
        request.appendAddress(try #require(IPPrefix("fd00:1::5/64")), index: 3)
        #expect(
            Array(request.bytes[16...]) == [
                0x0a, 0x40, 0x00, 0x00,  // AF_INET6, /64
                0x03, 0x00, 0x00, 0x00,
                0x14, 0x00, 0x01, 0x00,  // IFA_ADDRESS
                0xfd, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x05,
                0x08, 0x00, 0x08, 0x00, 0x02, 0x00, 0x00, 0x00,  // IFA_FLAGS: IFA_F_NODAD
            ]
        )
    }
}
