import JSON
import Wire

/// The configuration of a network that a container runtime gives on the standard input (CNI 1.1.0, section 3).
public struct CNIConfiguration: Equatable, Sendable {
    /// The versions of the specification whose results are made, oldest first.
    public static let versions = ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]
    /// The most addresses of one attachment, as of a port.
    static let addressCountMaximum = 64
    /// The most routes of one attachment.
    static let routeCountMaximum = 256

    public var version: String
    /// The network's name, by which attachments belong together.
    public var name: String
    public var logicalSwitch: String?
    /// A logical port that is there already; without it one is made for each attachment.
    public var logicalPort: String?
    /// Central's northbound URL.
    public var central: String?
    public var token: String?
    public var tokenFile: String?
    /// The file of central's authority.
    public var authorities: String?
    /// The path of the agent's socket.
    public var agentSocket: String?
    /// The subnet, for addresses that come without a prefix length.
    public var subnet: IPPrefix?
    public var gateway: IPAddress?
    public var routes: [Route]
    /// Passed on to the runtime as it is.
    public var dns: JSONValue?
    public var mtu: Int64?
    /// The addresses that the runtime wants.
    public var addresses: [IPPrefix]
    public var mac: MACAddress?
    /// The result of ADD, for CHECK.
    public var previousResult: JSONValue?
    /// The attachments that are to stay; only of GC.
    public var validAttachments: [Attachment]?

    /// A route of the container.
    public struct Route: Equatable, Sendable {
        public var destination: IPPrefix
        /// `nil` for the network's gateway, if it has one.
        public var gateway: IPAddress?
    }

    /// A container's interface.
    public struct Attachment: Hashable, Sendable {
        public var containerID: String
        public var interface: String

        public init(containerID: String, interface: String) {
            self.containerID = containerID
            self.interface = interface
        }
    }

    /// Reads a configuration.
    /// - Throws: codes 1, 2, 6 and 7 of the specification.
    public init(_ bytes: [UInt8]) throws(CNIError) {
        let reader = CNIReader(object: try Self.object(bytes))
        version = try Self.version(reader)
        guard let name = try reader.text("name"), !name.isEmpty else {
            throw .invalid("the configuration needs \"name\"")
        }
        self.name = name
        if reader.object["ipam"]?.objectValue?.members.isEmpty == false {
            throw CNIError(.unsupportedField, "\"ipam\" is not for this plugin: central gives addresses")
        }
        logicalSwitch = try reader.text("switch")
        logicalPort = try reader.text("port")
        central = try reader.text("central")
        token = try reader.text("token")
        tokenFile = try reader.text("token_file")
        authorities = try reader.text("ca")
        agentSocket = try reader.text("agent_socket")
        subnet = try reader.prefix("subnet")
        gateway = try reader.address("gateway")
        mtu = try reader.integer("mtu")
        routes = try reader.routes()
        dns = reader.object["dns"]
        previousResult = reader.object["prevResult"]
        validAttachments = try reader.attachments()
        addresses = []
        for key in ["runtimeConfig", "args"] {
            let object = key == "args" ? reader.object[key]?["cni"] : reader.object[key]
            let wishes = CNIReader(object: object?.objectValue ?? JSONObject())
            addresses += try wishes.addresses()
            if let mac = try wishes.mac() { self.mac = mac }
            if let port = try wishes.text("port") { logicalPort = port }
        }
    }

    /// Reads no more than the version, for VERSION and for answers about configurations that are wrong.
    public static func version(in bytes: [UInt8]) -> String {
        let version = (try? object(bytes))?["cniVersion"]?.stringValue
        return version.flatMap { versions.contains($0) ? $0 : nil } ?? versions[versions.count - 1]
    }

    private static func object(_ bytes: [UInt8]) throws(CNIError) -> JSONObject {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONParser.parse(bytes)
        } catch {
            throw CNIError(.undecodableContent, "the configuration is not JSON", details: "\(error)")
        }
        guard let object = value.objectValue else {
            throw CNIError(.undecodableContent, "the configuration is no JSON object")
        }
        return object
    }

    private static func version(_ reader: CNIReader) throws(CNIError) -> String {
        let version = try reader.text("cniVersion") ?? "0.1.0"
        guard versions.contains(version) else {
            throw CNIError(
                .incompatibleVersion,
                "this plugin does not know CNI \(version.printable)",
                details: "It knows \(versions.joined(separator: ", "))."
            )
        }
        return version
    }
}

extension CNIError {
    static func invalid(_ message: String) -> CNIError { CNIError(.invalidConfiguration, message) }
}

/// Takes members out of an object of the runtime's with their types checked.
struct CNIReader {
    let object: JSONObject

    func text(_ name: String) throws(CNIError) -> String? {
        guard let value = object[name], value != .null else { return nil }
        guard let text = value.stringValue else { throw .invalid("\"\(name)\" must be a string") }
        return text
    }

    func integer(_ name: String) throws(CNIError) -> Int64? {
        guard let value = object[name], value != .null else { return nil }
        guard let number = value.integerValue else { throw .invalid("\"\(name)\" must be a number") }
        return number
    }

    func prefix(_ name: String) throws(CNIError) -> IPPrefix? {
        guard let text = try text(name) else { return nil }
        guard let prefix = IPPrefix(text) else {
            throw .invalid("\"\(name)\" must be ADDRESS/LENGTH, not \(text.printable)")
        }
        return prefix
    }

    func address(_ name: String) throws(CNIError) -> IPAddress? {
        guard let text = try text(name) else { return nil }
        guard let address = IPAddress(text) else {
            throw .invalid("\"\(name)\" must be an IP address, not \(text.printable)")
        }
        return address
    }

    func mac() throws(CNIError) -> MACAddress? {
        guard let text = try text("mac") else { return nil }
        guard let mac = MACAddress(text), !mac.isMulticast, !mac.isZero else {
            throw .invalid("\"mac\" must be the MAC address of an interface, not \(text.printable)")
        }
        return mac
    }

    private func elements(_ name: String, atMost maximum: Int) throws(CNIError) -> [JSONValue] {
        guard let value = object[name], value != .null else { return [] }
        guard let elements = value.arrayValue, elements.count <= maximum else {
            throw .invalid("\"\(name)\" must be an array of at most \(maximum)")
        }
        return elements
    }

    func addresses() throws(CNIError) -> [IPPrefix] {
        var prefixes: [IPPrefix] = []
        for element in try elements("ips", atMost: CNIConfiguration.addressCountMaximum) {
            guard let text = element.stringValue, let prefix = IPPrefix(text), prefix.address.isOfOneHost else {
                throw .invalid("\"ips\" must be addresses as 10.1.2.3/24, not \(element.text.printable)")
            }
            prefixes.append(prefix)
        }
        return prefixes
    }

    func routes() throws(CNIError) -> [CNIConfiguration.Route] {
        var routes: [CNIConfiguration.Route] = []
        for element in try elements("routes", atMost: CNIConfiguration.routeCountMaximum) {
            let reader = CNIReader(object: element.objectValue ?? JSONObject())
            guard let destination = try reader.prefix("dst"), destination.hasZeroHostBits else {
                throw .invalid("a route needs \"dst\", the prefix of a network, such as 0.0.0.0/0")
            }
            routes.append(CNIConfiguration.Route(destination: destination, gateway: try reader.address("gw")))
        }
        return routes
    }

    func attachments() throws(CNIError) -> [CNIConfiguration.Attachment]? {
        let name = "cni.dev/valid-attachments"
        guard object[name] != nil else { return nil }
        var attachments: [CNIConfiguration.Attachment] = []
        for element in try elements(name, atMost: 1 << 16) {
            let reader = CNIReader(object: element.objectValue ?? JSONObject())
            guard let container = try reader.text("containerID"), let interface = try reader.text("ifname") else {
                throw .invalid("a valid attachment has \"containerID\" and \"ifname\"")
            }
            attachments.append(CNIConfiguration.Attachment(containerID: container, interface: interface))
        }
        return attachments
    }
}
