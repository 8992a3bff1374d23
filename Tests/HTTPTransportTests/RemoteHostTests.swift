import HTTPTransport
import Testing
import Wire

@Suite struct RemoteHostTests {
    private func host(_ number: Int) -> RemoteHost { RemoteHost(.v4(IPv4Address(UInt32(0x0a00_0000 + number)))) }

    @Test func `An IPv4 address is a host, and all IPv6 addresses of a /64 are one`() {
        #expect(host(1) == host(1))
        #expect(host(1) != host(2))
        let own = RemoteHost(.v6(IPv6Address(high: 0x2001_0db8_0000_0001, low: 1)))
        #expect(own == RemoteHost(.v6(IPv6Address(high: 0x2001_0db8_0000_0001, low: .max))))
        #expect(own != RemoteHost(.v6(IPv6Address(high: 0x2001_0db8_0000_0002, low: 1))))
        #expect(RemoteHost(.v6(IPv6Address(high: 0, low: 0))) != RemoteHost(.v4(IPv4Address(0))))
    }

    @Test func `A table remembers so many hosts, and those make room that were written longest ago`() {
        typealias Table = HostTable<Int>
        var table = Table()
        for number in 0..<Table.hostMaximum {
            table.update(host(number), now: .milliseconds(number), default: 0) { $0 += 1 }
        }
        #expect(table.count == Table.hostMaximum)
        // Written again, the first is among the newest.
        let sum = table.update(host(0), now: .seconds(60), default: 0) { value in
            value += 1
            return value
        }
        #expect(sum == 2)
        #expect(table.count == Table.hostMaximum)
        table.update(host(Table.hostMaximum), now: .seconds(61), default: 7) { _ in }
        #expect(table.count == Table.hostMaximum * 3 / 4 + 1)
        #expect(table[host(0)] == 2)
        #expect(table[host(1)] == nil)
        #expect(table[host(Table.hostMaximum / 4)] == nil)
        #expect(table[host(Table.hostMaximum / 4 + 1)] == 1)
        #expect(table[host(Table.hostMaximum)] == 7)
    }
}
