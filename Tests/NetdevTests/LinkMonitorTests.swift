import Reactor
import Testing

@testable import Netdev

@Suite struct LinkMonitorTests {
    @Test func `Devices that come, change and go are told`() throws {
        let test = try TestNamespace("mon")
        let loop = try EventLoop()
        var events: [String] = []
        var expected: String?
        let monitor = try LinkMonitor(loop: loop, namespace: test.namespace) { event in
            let text =
                switch event {
                case .added(let link): "added \(link.name)"
                case .changed(let link): "changed \(link.name) \(link.mtu)"
                case .removed(_, let name): "removed \(name)"
                }
            events.append(text)
            if text == expected { loop.stop() }
        }
        #expect(events == ["added lo"])
        func wait(for text: String, after command: () throws -> Void) throws {
            expected = text
            try command()
            let guardTimer = loop.schedule(after: .seconds(10)) { loop.stop() }
            loop.run()
            guardTimer.cancel()
            #expect(events.last == text)
        }
        try wait(for: "added d0") { try runIP("-n", test.name, "tuntap", "add", "d0", "mode", "tap") }
        try wait(for: "changed d0 1400") { try runIP("-n", test.name, "link", "set", "d0", "mtu", "1400") }
        try wait(for: "changed d1 1400") { try runIP("-n", test.name, "link", "set", "d0", "name", "d1") }
        try wait(for: "removed d1") { try runIP("-n", test.name, "link", "del", "d1") }
        monitor.cancel()
    }
}
