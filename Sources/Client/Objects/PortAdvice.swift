import JSON
import Wire

/// Advice about ports. Every command here does what the sentence before it says.
extension ObjectSession {
    /// A sentence, and the commands that it leads to; empty if there is nothing to say.
    typealias Advice = (sentence: String, commands: [String])

    /// Returns the advice for the reason why a port is down.
    static func advice(forPort object: JSONValue, reason: String, chassis: String) -> Advice {
        let name = object.text("name")
        let requested = object.texts("requested_chassis")
        let hosts = requested.isEmpty ? "the host of its VM" : requested.joined(separator: " or ")
        switch reason {
        case "not-plugged" where object.text("type") == "virtual":
            let address = object.text("virtual_ip")
            return ("None of its parents has announced \(address) yet; their port security must allow it.", [])
        case "not-plugged" where object.text("type") == "l2gateway":
            let host = object["options"]?.text("l2gateway-chassis") ?? ""
            return (
                "Central has not heard from \(host), which is to have it. To see which hosts there are:",
                ["heddle get chassis"]
            )
        case "not-plugged":
            return ("No host has plugged it in. On \(hosts):", ["heddle port add INTERFACE --logical-port \(name)"])
        case "parent-missing":
            let parent = object.text("parent_name")
            return ("There is no port \(parent), which it is nested in. Make it, or name another parent.", [])
        case "parent-not-bound":
            let parent = object.text("parent_name")
            return ("Its parent \(parent) is on no host. To see why:", ["heddle describe port \(parent)"])
        case "not-programmed":
            return (
                "\(chassis) has it, but it is not up there: its interface is gone, or the forwarder has no tables for "
                    + "it yet. If that lasts, on \(chassis):",
                ["heddle port list", "heddle doctor"]
            )
        case "disabled":
            return ("It is switched off. To switch it on:", ["heddle nb lsp-set-enabled \(name) enabled"])
        case "chassis-lost":
            let host = chassis.isEmpty ? waiting(for: object, because: reason) ?? "its host" : chassis
            return (
                "Central does not hear from \(host), which continues with its last tables. On \(host):",
                ["heddle doctor"]
            )
        case "requested-elsewhere":
            let host = waiting(for: object, because: reason) ?? "A host"
            return (
                "\(host) has plugged it in, but may not have it; only \(hosts) may. Plug it in there, or let any host:",
                [requestCommand(object, nil)]
            )
        case "unsupported-by-chassis":
            let host = waiting(for: object, because: reason) ?? "its host"
            return (
                "The agent of \(host) is too old for what the port needs. Install this version there, then on \(host):",
                ["systemctl restart heddle-agent"]
            )
        case "no-physical-network": return adviceAboutNetwork(object)
        default: return ("", [])
        }
    }

    /// Returns the advice for a port that has no physical network.
    private static func adviceAboutNetwork(_ object: JSONValue) -> Advice {
        let (name, type, reason) = (object.text("name"), object.text("type"), "no-physical-network")
        let host = waiting(for: object, because: reason)
        switch type {
        case "localnet":
            return (
                "It does not name its physical network yet. To name it:",
                ["heddle nb lsp-set-options \(name) network_name=NETWORK"]
            )
        case "l2gateway" where host == nil:
            return (
                "It does not name its physical network and the host of it yet. To name them:",
                ["heddle nb lsp-set-options \(name) network_name=NETWORK l2gateway-chassis=CHASSIS"]
            )
        default:
            let networks =
                (object["status"]?["waiting"]?.arrayValue ?? [])
                .first { $0.text("reason") == reason }?.texts("lacks") ?? []
            return (
                "\(type == "l2gateway" ? "It leads" : "Its switch is joined") to a physical network, of which "
                    + "\(host ?? "its host") has no device. Name one there, beside the agent's other options:",
                ["heddle agent --physical-network \(networks.first ?? "NETWORK")=DEVICE"]
            )
        }
    }

    /// Returns the advice about a host that waits for the port.
    static func advice(forWaiting object: JSONValue) -> Advice {
        let holder = object["status"]?.text("chassis") ?? ""
        guard !holder.isEmpty, let host = waiting(for: object, because: "set-aside") else { return ("", []) }
        return (
            "\(host) has it plugged in, too, and gets it when \(holder) lets go of it. To move it there now:",
            [requestCommand(object, host)]
        )
    }

    /// Returns the advice about a set of DHCP options that answers no requests of the port.
    static func advice(forPort object: JSONValue, unansweredBy set: JSONValue) -> Advice {
        let (name, network) = (set.text("name"), set.text("cidr"))
        guard set["options"]?.objectValue?.members.isEmpty == false else {
            let least = network.contains(":") ? "server_id=MAC" : "server_id=ADDRESS lease_time=3600"
            return (
                "Its DHCP requests are not answered, as \(name) has no options yet. To give it some:",
                ["heddle nb dhcp-options-set-options \(name) \(least)"]
            )
        }
        let strings = object.texts("addresses") + [object["status"]?.text("dynamic_addresses") ?? ""]
        let addresses = strings.flatMap { $0.split(separator: " ") }.compactMap { IPAddress($0) }
        let isStateless = ["true", "1"].contains(set["options"]?.text("dhcpv6_stateless"))
        guard let prefix = IPPrefix(network), !isStateless, !addresses.contains(where: prefix.contains) else {
            return ("", [])
        }
        return (
            "Its DHCP requests are not answered: it has no address of \(network), the network of \(name). To give one:",
            ["heddle nb lsp-set-addresses \(object.text("name")) \"MAC ADDRESS\""]
        )
    }

    /// The first chassis that waits for a port for a reason.
    private static func waiting(for object: JSONValue, because reason: String) -> String? {
        let waiting = object["status"]?["waiting"]?.arrayValue ?? []
        return waiting.first { $0.text("reason") == reason }?.text("chassis")
    }

    /// The command that lets only one chassis have a port, or any, and leaves its options as they are.
    private static func requestCommand(_ object: JSONValue, _ chassis: String?) -> String {
        let options = (object["options"]?.objectValue?.members ?? []).map { "\($0.name)=\($0.value.plainText)" }
        let words = options + (chassis.map { ["requested-chassis=\($0)"] } ?? [])
        return (["heddle", "nb", "lsp-set-options", object.text("name")] + words).joined(separator: " ")
    }
}
