import Glibc
import Reactor
import Testing

@testable import Netdev

@Suite struct NetworkNamespaceTests {
    @Test func `What runs in a namespace sees its devices, and the caller stays where it was`() throws {
        let test = try TestNamespace("run")
        let before = try NetworkNamespace.current()
        let inside = try test.namespace.run { () throws(SystemError) in try Link.all().map(\.name) }
        #expect(inside == ["lo"])
        #expect(try before.isSame(as: .current()))
        #expect(try !before.isSame(as: test.namespace))
        #expect(try test.namespace.isSame(as: NetworkNamespace("/run/netns/\(test.name)")))
    }

    @Test func `A name that is missing and a file that is no namespace are told apart`() throws {
        let missing = #expect(throws: SystemError.self) { try NetworkNamespace("hd-nowhere") }
        #expect(missing?.errno == ENOENT)
        #expect(missing?.description == "open /run/netns/hd-nowhere: No such file or directory")
        let file = #expect(throws: SystemError.self) { try NetworkNamespace("/dev/null") }
        #expect(file?.errno == EINVAL)
    }

    @Test func `An error thrown inside comes out`() throws {
        let test = try TestNamespace("err")
        let error = #expect(throws: SystemError.self) {
            try test.namespace.run { () throws(SystemError) in throw SystemError(call: "x", errno: ENOSPC) }
        }
        #expect(error == SystemError(call: "x", errno: ENOSPC))
    }
}
