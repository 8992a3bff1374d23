import Testing
import Wire

@testable import HTTPTransport

@Suite struct AbuseTableTests {
    private func host(_ number: Int) -> RemoteHost { RemoteHost(.v4(IPv4Address(UInt32(0x0a00_0000 + number)))) }

    @Test func `A host with so many ended connections is shut out until it has been quiet for a while`() {
        var table = AbuseTable(windowTime: .seconds(60))
        for _ in 1..<AbuseTable.endedConnectionMaximum { table.note(host(1), now: .seconds(1)) }
        #expect(!table.shutsOut(host(1), now: .seconds(1)))
        table.note(host(1), now: .seconds(2))
        #expect(table.shutsOut(host(1), now: .seconds(2)))
        #expect(!table.shutsOut(host(2), now: .seconds(2)))
        #expect(table.shutsOut(host(1), now: .seconds(2) + table.windowTime))
        #expect(!table.shutsOut(host(1), now: .seconds(3) + table.windowTime))
        // It begins anew.
        table.note(host(1), now: .seconds(3) + table.windowTime)
        #expect(!table.shutsOut(host(1), now: .seconds(3) + table.windowTime))
    }
}
