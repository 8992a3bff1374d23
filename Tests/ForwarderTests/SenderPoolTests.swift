import Testing
import Wire

@testable import Forwarder

@Suite struct SenderPoolTests {
    @Test(arguments: [(1, 4), (2, 8), (3, 16), (16, 64), (1000, 64)])
    func `Each queue has four sockets to send from, all together 64 at most`(queueCount: Int, socketCount: Int) throws {
        let pool = SenderPool(queueCount: queueCount)
        #expect(try pool.bind(to: .v4(.init(0x7f00_0001))).count == socketCount)
    }
}
