import Foundation
import Reactor
import Southbound
import Testing
import Wire

@testable import Agent

@Suite struct TunnelKeyringTests {
    /// A state directory of its own, which goes with it.
    private final class Host {
        let directory: StateDirectory

        init() throws {
            directory = try StateDirectory(path: NSTemporaryDirectory() + "hd-keys-\(UUID().uuidString.prefix(8))")
        }

        deinit { try? FileManager.default.removeItem(atPath: directory.path) }

        /// The keys of a start so many days after the first.
        func start(day: Int64) throws -> TunnelKeyring { try TunnelKeyring(in: directory, now: day * 86_400) }

        var mode: Int? {
            let attributes = try? FileManager.default.attributesOfItem(atPath: directory.path + "/tunnel_keys")
            return attributes?[.posixPermissions] as? Int
        }
    }

    private func chassis(_ keyring: TunnelKeyring) -> Chassis {
        Chassis(name: "h", chassisID: "", hostname: "", encaps: [], tunnelKeys: keyring.published)
    }

    @Test func `Keys are renewed once a day, by the next start`() throws {
        let host = try Host()
        let first = try host.start(day: 0).published
        #expect(first.count == 1 && host.mode == 0o600)
        #expect(try host.start(day: 0).published == first)
        let second = try host.start(day: 1).published
        #expect(second.count == 2 && second[0] == first[0])
        #expect(try host.start(day: 1).published == second)
        let third = try host.start(day: 2).published
        #expect(third.count == 2 && third[0] == second[1])
        // A clock that was ahead keeps nobody from that.
        #expect(try host.start(day: 0).published[0] == third[1])
    }

    @Test func `Whatever start the other has heard of, what one sends is taken by the other`() throws {
        let (one, other) = (try Host(), try Host())
        var ones: [TunnelKeyring] = []
        var others: [TunnelKeyring] = []
        for day in 0..<6 {
            ones.append(try one.start(day: Int64(day)))
            others.append(try other.start(day: Int64(day)))
            // Each knows of the other's present start, or of the one before.
            let newest = day
            for known in max(0, newest - 1)...newest {
                for heard in max(0, newest - 1)...newest {
                    let sent = ones[newest].keys(with: chassis(others[known])).first
                    let taken = others[newest].keys(with: chassis(ones[heard]))
                    #expect(sent.map(taken.contains) == true, "day \(day), \(known), \(heard)")
                    #expect(taken.count <= 6)
                }
            }
        }
    }

    @Test func `A file that is none is refused with what to do, and a host without keys forgets them`() throws {
        let host = try Host()
        try writeFile(Array("1 2 3\n".utf8), replacing: host.directory.path + "/tunnel_keys")
        let failure = #expect(throws: AgentFailure.self) { try host.start(day: 0) }
        #expect(failure?.description.hasSuffix("a line is not a key; remove it, and hosts get new keys") == true)
        #expect(try TunnelKeyring.remove(from: host.directory))
        #expect(try !TunnelKeyring.remove(from: host.directory))
    }
}
