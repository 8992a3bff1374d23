import Glibc
import HTTP
import JSON
import Netdev
import Reactor
import Security
import Wire

extension CNIPlugin {
    /// The addresses of an attachment.
    private struct Addresses {
        var mac: MACAddress
        var prefixes: [IPPrefix]
    }

    /// Connects a container. The same call again gives the same result.
    func add() throws(CNIError) -> JSONValue {
        let chassis = try chassis()
        let name = name(on: chassis)
        let given = try subnetsOfSwitch()
        let subnets = (configuration.subnet.map { [$0] } ?? []) + given
        let port =
            if let taken = configuration.logicalPort { try namedPort(taken) } else {
                try makeLogicalPort(name, on: chassis, hasSubnet: !given.isEmpty)
            }
        let addresses = try addresses(of: port, subnets)
        let report = try plug(name, port, addresses)
        try addRoutes()
        return result(addresses, mtu: report["mtu"])
    }

    // Central

    /// The subnets from which central gives addresses.
    private func subnetsOfSwitch() throws(CNIError) -> [IPPrefix] {
        guard let name = configuration.logicalSwitch else { return [] }
        let found = try ask("central does not tell of the switch \(name)") { () throws(ClientError) in
            try central.object("/v1/switches/\(percentEncoded(name))")?.body
        }
        guard let found else { throw .invalid("there is no switch \(name.printable)") }
        var subnets: [IPPrefix] = []
        for (field, length) in [("subnet", 32), ("ipv6_prefix", 64)] {
            guard let text = found[field]?.stringValue, let prefix = IPPrefix(text) else { continue }
            // Of an IPv6 prefix the switch may give no length.
            let isBare = !text.utf8.contains(UInt8(ascii: "/"))
            subnets += [isBare ? IPPrefix(address: prefix.address, length: length) : prefix].compactMap { $0 }
        }
        return subnets
    }

    private func namedPort(_ name: String) throws(CNIError) -> JSONValue {
        let found = try ask("central does not tell of the port \(name)") { () throws(ClientError) in
            try central.object("/v1/ports/\(percentEncoded(name))")?.body
        }
        guard let found else { throw .invalid("there is no logical port \(name.printable)") }
        if let wanted = configuration.logicalSwitch, found["switch"]?.stringValue != wanted {
            throw .invalid("the logical port \(name.printable) is not of the switch \(wanted.printable)")
        }
        return found
    }

    /// Makes the logical port of an attachment, or finds the one that an earlier call has made.
    private func makeLogicalPort(_ name: String, on chassis: String, hasSubnet: Bool) throws(CNIError) -> JSONValue {
        guard let logicalSwitch = configuration.logicalSwitch else {
            throw .invalid("the configuration needs \"switch\", a logical switch, or \"port\", a logical port")
        }
        var body = JSONObject()
        body["switch"] = .string(logicalSwitch)
        let isDynamic = configuration.addresses.isEmpty
        guard !isDynamic || hasSubnet else {
            throw .invalid("the switch \(logicalSwitch.printable) has no subnet to give addresses from: give \"ips\"")
        }
        let words = isDynamic ? ["dynamic"] : configuration.addresses.map(\.address.description)
        let mac = configuration.mac ?? (isDynamic ? nil : Self.mac(of: name))
        let address = ((mac.map { [$0.description] } ?? []) + words).joined(separator: " ")
        body["addresses"] = [.string(address)]
        body["port_security"] = [.string(isDynamic ? "dynamic" : address)]
        body["labels"] = .object(labels(of: name, on: chassis))
        return try ask("central does not make the logical port") { () throws(ClientError) in
            try central.require(Call(.put, "/v1/ports/\(name)", body: .object(body))).body ?? .null
        }
    }

    /// The labels by which people and GC find the port again. Values are no longer than central takes.
    private func labels(of name: String, on chassis: String) -> JSONObject {
        var labels = JSONObject()
        labels[Self.chassisLabel] = .string(chassis)
        labels[Self.label] = .string(String(name.prefix(Self.namePrefixLength)))
        labels["cni.dev/container"] = .string(String(request.attachment.containerID.prefix(64)))
        labels["cni.dev/interface"] = .string(request.attachment.interface)
        for (argument, label) in [("K8S_POD_NAMESPACE", "k8s.namespace"), ("K8S_POD_NAME", "k8s.pod")] {
            labels[label] = request.arguments[argument].map { .string(String($0.prefix(64))) }
        }
        return labels
    }

    /// A MAC that follows from the port's name, so that a repeated call gives the same: locally administered, not of a
    /// group.
    private static func mac(of name: String) -> MACAddress {
        let number = SHA256.hash([Array(name.utf8)]).prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
        return MACAddress(truncating: number & 0x00ff_ffff_ffff | 0x0a00_0000_0000)
    }

    /// The addresses of the container's interface.
    private func addresses(of port: JSONValue, _ subnets: [IPPrefix]) throws(CNIError) -> Addresses {
        let text =
            port["status"]?["dynamic_addresses"]?.stringValue
            ?? port["addresses"]?.arrayValue?.first?.stringValue ?? ""
        let words = text.split(separator: " ")
        guard let mac = words.first.flatMap({ MACAddress(String($0)) }) else {
            throw .invalid("the logical port has no MAC address: set its addresses to MAC IP")
        }
        var prefixes: [IPPrefix] = []
        for word in words.dropFirst() {
            guard let address = IPAddress(word) else { continue }
            let wish = configuration.addresses.first { $0.address == address && $0.length < address.bitCount }
            let subnet = subnets.first { $0.contains(address) }
            guard let length = wish?.length ?? subnet?.length else {
                throw .invalid("the length of the prefix of \(address) is not known: give \"subnet\"")
            }
            guard let prefix = IPPrefix(address: address, length: length) else { continue }
            prefixes.append(prefix)
        }
        return Addresses(mac: mac, prefixes: prefixes)
    }

    // This host

    private func plug(_ name: String, _ port: JSONValue, _ addresses: Addresses) throws(CNIError) -> JSONValue {
        var body = JSONObject()
        body["logical_port"] = port["name"]
        body["device"] = "veth"
        body["interface"] = .string(request.attachment.interface)
        body["netns"] = request.netns.map { .string($0) }
        body["mac"] = .string(addresses.mac.description)
        body["addresses"] = .array(addresses.prefixes.map { .string("\($0.address)/\($0.length)") })
        body["mtu"] = configuration.mtu.map { .integer($0) }
        var report = try plug(name, body)
        var pauses = Pauses()
        while report["state"]?.stringValue != "up" {
            guard let next = pauses.next() else {
                throw CNIError(.tryAgainLater, "the port does not come up", details: report.text("detail"))
            }
            pause(next)
            guard let now = try self.report(of: name) else {
                throw CNIError(.tryAgainLater, "the port was unplugged meanwhile")
            }
            report = now
        }
        return report
    }

    private func plug(_ name: String, _ body: JSONObject) throws(CNIError) -> JSONValue {
        let call = Call(.put, "/v1/ports/\(name)", body: .object(body))
        let message = "the agent does not plug the container"
        let reply = try ask(message) { () throws(ClientError) in try agent.send(call) }
        if (200...299).contains(reply.status) { return reply.body ?? .null }
        let problem = Problem(status: reply.status, body: reply.body)
        if problem.code == "netns_missing" {
            throw CNIError(.unknownContainer, "the container's namespace is gone", details: problem.detail)
        }
        // Of an earlier container with this name, or of a call that was killed.
        guard ["port_exists", "port_leaving", "port_opening"].contains(problem.code) else {
            throw CNIError(.problem(problem), message)
        }
        try unplug(name)
        return try ask(message) { () throws(ClientError) in try agent.require(call).body ?? .null }
    }

    private func addRoutes() throws(CNIError) {
        let (routes, gateway) = (configuration.routes, configuration.gateway)
        guard !routes.isEmpty else { return }
        let interface = request.attachment.interface
        try inside { () throws(SystemError) in
            guard let link = try Link.find(named: interface) else {
                throw SystemError(call: "find \(interface)", errno: ENODEV)
            }
            for route in routes {
                let usual = gateway.flatMap { $0.bitCount == route.destination.address.bitCount ? $0 : nil }
                try link.addRoute(to: route.destination, via: route.gateway ?? usual)
            }
        }
    }

    // The result

    private func result(_ addresses: Addresses, mtu: JSONValue?) -> JSONValue {
        let version = configuration.version
        var interface = JSONObject()
        interface["name"] = .string(request.attachment.interface)
        interface["mac"] = .string(addresses.mac.description)
        interface["sandbox"] = request.netns.map { .string($0) }
        if version == "1.1.0" { interface["mtu"] = mtu }
        let ips = addresses.prefixes.map { prefix in
            var ip = JSONObject()
            if version.hasPrefix("0.") { ip["version"] = .string(prefix.address.bitCount == 32 ? "4" : "6") }
            ip["interface"] = 0
            ip["address"] = .string("\(prefix.address)/\(prefix.length)")
            if let gateway = configuration.gateway, prefix.contains(gateway) {
                ip["gateway"] = .string(gateway.description)
            }
            return JSONValue.object(ip)
        }
        let routes = configuration.routes.map { route in
            var object = JSONObject()
            object["dst"] = .string("\(route.destination.address)/\(route.destination.length)")
            object["gw"] = route.gateway.map { .string($0.description) }
            return JSONValue.object(object)
        }
        var result = JSONObject()
        result["cniVersion"] = .string(version)
        result["interfaces"] = [.object(interface)]
        result["ips"] = .array(ips)
        if !routes.isEmpty { result["routes"] = .array(routes) }
        result["dns"] = configuration.dns ?? .object(JSONObject())
        return .object(result)
    }
}
