import Glibc
import Reactor
import Testing

@testable import Client

/// Why a daemon has ended, from one process to the next.
@Suite struct EndNoteTests {
    private let folder: String

    init() throws {
        folder = "/tmp/heddle-end-note-\(UInt64.random(in: 0 ... .max))"
        try makeDirectory(folder)
    }

    @Test func `A note is read until the daemon is started again`() throws {
        defer { remove() }
        #expect(EndNote(of: "agent", in: folder) == nil)
        EndNote.write("the address is gone", of: "agent", in: folder)
        let note = try #require(EndNote(of: "agent", in: folder))
        #expect(note.sentence == "the address is gone" && abs(note.seconds - Clock.wallSeconds()) < 60)
        #expect(EndNote(of: "forwarder", in: folder) == nil)
        try writeFile(Array("1\n".utf8), replacing: folder + "/agent.pid")
        setTimes(of: "agent.pid", to: note.seconds + 2)
        #expect(EndNote(of: "agent", in: folder) == nil)
        setTimes(of: "agent.pid", to: note.seconds - 2)
        #expect(EndNote(of: "agent", in: folder) == note)
    }

    @Test func `A long sentence is cut, and where nothing can be written nothing is`() throws {
        defer { remove() }
        EndNote.write(String(repeating: "x", count: 1 << 16), of: "agent", in: folder)
        #expect(EndNote(of: "agent", in: folder)?.sentence.utf8.count == EndNote.byteCountMaximum - 1)
        EndNote.write("no", of: "agent", in: folder + "/missing")
        #expect(access(folder + "/missing", F_OK) != 0)
    }

    private func setTimes(of name: String, to seconds: Int64) {
        let times = [timeval(tv_sec: Int(seconds), tv_usec: 0), timeval(tv_sec: Int(seconds), tv_usec: 0)]
        _ = utimes(folder + "/" + name, times)
    }

    private func remove() {
        for name in ["agent.end", "agent.pid"] { unlink(folder + "/" + name) }
        rmdir(folder)
    }
}
