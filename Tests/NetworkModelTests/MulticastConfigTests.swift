import Southbound
import Testing
import Wire

@testable import NetworkModel

/// OVN's keys of multicast in a switch's `other_config`.
@Suite struct MulticastConfigTests {
    private func snooping(_ config: [String: String]) throws -> MulticastSnooping? {
        var home = LogicalSwitch.blank
        home.otherConfig = config
        return try home.multicastSnooping()
    }

    private func problem(_ config: [String: String]) -> (pointer: String?, detail: String)? {
        do {
            _ = try snooping(config)
            return nil
        } catch let refusal as Refusal {
            return (refusal.pointer, refusal.detail)
        } catch {
            return nil
        }
    }

    private static let source = ["mcast_eth_src": "02:00:00:00:00:01", "mcast_ip4_src": "10.0.0.1"]

    @Test func `Defaults are OVN's, and nothing is found out unless mcast_snoop says so`() throws {
        #expect(try snooping([:]) == nil)
        #expect(try snooping(["mcast_snoop": "false", "mcast_table_size": "5"]) == nil)
        let usual = try #require(try snooping(["mcast_snoop": "true"]))
        #expect(usual == MulticastSnooping())
        #expect(usual.idleTimeout == 300 && usual.tableSize == 2048 && !usual.floodsUnregistered)
        let asking = try #require(try snooping(["mcast_snoop": "true"].merging(Self.source) { $1 })?.querier)
        #expect(asking.interval == 150 && asking.maxResponse == 1 && asking.ipv6 == nil)
        let silent = ["mcast_snoop": "true", "mcast_querier": "false"].merging(Self.source) { $1 }
        #expect(try snooping(silent)?.querier == nil)
        let short = ["mcast_snoop": "true", "mcast_idle_timeout": "15", "mcast_flood_unregistered": "true"]
        #expect(try snooping(short.merging(Self.source) { $1 })?.querier?.interval == 7)
        #expect(try snooping(short)?.floodsUnregistered == true)
    }

    @Test func `A key or value that cannot be is refused by its name`() {
        let faults: [([String: String], key: String, word: String)] = [
            (["subnet": "10.0.0.0/24"], "subnet", "member of the switch itself"),
            (["mcast_colour": "red"], "mcast_colour", "mcast_snoop"),
            (["mcast_snoop": "yes"], "mcast_snoop", "true"),
            (["mcast_idle_timeout": "14"], "mcast_idle_timeout", "15 to 3600"),
            (["mcast_table_size": "+5"], "mcast_table_size", "1 to 8192"),
            (["mcast_eth_src": "01:00:00:00:00:01"], "mcast_eth_src", "MAC address of a host"),
            (["mcast_ip4_src": "224.0.0.1"], "mcast_ip4_src", "IPv4 address of a host"),
            (["mcast_ip6_src": "2001:db8::1"], "mcast_ip6_src", "link-local"),
            (["mcast_query_max_response": "26"], "mcast_query_max_response", "1 to 25"),
            (["mcast_query_interval": "1", "mcast_query_max_response": "2"], "mcast_query_max_response", "at most"),
            (["mcast_query_interval": "300"], "mcast_query_interval", "less than"),
            (["mcast_querier": "true"], "mcast_querier", "mcast_eth_src"),
            (["mcast_querier": "true", "mcast_eth_src": "02:00:00:00:00:01"], "mcast_querier", "mcast_ip4_src"),
        ]
        for (config, key, word) in faults {
            let found = problem(config)
            #expect(found?.pointer == "/other_config/\(key)", "\(config)")
            #expect(found?.detail.contains(word) == true, "\(found?.detail ?? "accepted")")
        }
    }
}
