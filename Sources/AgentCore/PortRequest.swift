import HTTP
import HTTPTypes
import JSON
import Wire

/// A `PUT /v1/ports/{name}` at the agent's socket.
public struct PortRequest: Hashable, Sendable {
    /// The port as asked for.
    public var specification: PortSpecification
    /// The demand on the device (`existing`).
    public var demand: DeviceDemand

    public init(specification: PortSpecification, demand: DeviceDemand = .any) {
        self.specification = specification
        self.demand = demand
    }

    /// The request that a body stands for: `{"logical_port", "device"?, "interface"?, "socket"?, "netns"?, "mac"?,
    /// "addresses"?, "mtu"?, "existing"?}`; a field that is `null` counts as missing.
    /// - Throws: ``Problem`` naming the field and what would be right.
    public init(name: String, body: JSONValue) throws(Problem) {
        guard let members = body.objectValue else {
            throw Problem(.badRequest, code: "not_an_object", detail: "The body must be a JSON object.")
        }
        for member in members.members where !Self.fields.contains(member.name) {
            throw Problem(
                .badRequest,
                code: "unknown_field",
                detail: "A port has no field \"\(member.name)\"; it has \(Self.fields.joined(separator: ", ")).",
                pointer: "/\(member.name)"
            )
        }
        let reader = JSONReader(body)
        try checkName(name)
        guard let logicalPort = try reader.string("logical_port") else {
            throw invalid("logical_port", "A port needs \"logical_port\", the name of a logical switch port.")
        }
        try checkLogicalPort(logicalPort)
        let device = try reader.device()
        let interface = try device == .vhostUser ? reader.socket() : reader.interface(of: name)
        let netns = try reader.string("netns")
        try checkNetns(netns)
        specification = PortSpecification(
            name: name,
            logicalPort: logicalPort,
            device: device,
            interface: interface,
            netns: netns,
            mac: try reader.mac(),
            addresses: try reader.addresses(),
            mtu: try reader.mtu()
        )
        demand =
            switch try reader.boolean("existing") {
            case nil: .any
            case true?: .existing
            case false?: .new
            }
    }

    private static let fields = [
        "logical_port", "device", "interface", "socket", "netns", "mac", "addresses", "mtu", "existing",
    ]
}

private func invalid(_ field: String, _ detail: String) -> Problem {
    Problem(.unprocessableContent, code: "invalid_\(field)", detail: detail, pointer: "/\(field)")
}

/// True if a byte may be part of a name.
func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "-"): true
    default: false
    }
}

private func checkName(_ name: String) throws(Problem) {
    let count = name.utf8.count
    guard (1...PortSpecification.nameByteCountMaximum).contains(count), name.utf8.allSatisfy(isNameByte), name != ".",
        name != ".."
    else {
        throw Problem(
            .unprocessableContent,
            code: "invalid_name",
            detail: "\"\(name)\" cannot be a port's name: it needs 1 to \(PortSpecification.nameByteCountMaximum) "
                + "characters of A-Z a-z 0-9 . _ : @ -."
        )
    }
}

private func checkLogicalPort(_ name: String) throws(Problem) {
    let maximum = PortSpecification.logicalPortByteCountMaximum
    guard (1...maximum).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte), name != ".", name != ".." else {
        throw invalid(
            "logical_port",
            "\"\(name)\" cannot be a logical port's name: it needs 1 to \(maximum) characters of A-Z a-z 0-9 . _ : @ -."
        )
    }
}

/// Checks that Linux takes the name for an interface (dev_valid_name) and that a shell can type it.
private func checkInterface(_ name: String) throws(Problem) {
    let maximum = PortSpecification.interfaceByteCountMaximum
    guard name.utf8.count <= maximum else {
        throw invalid(
            "interface",
            "The interface name \"\(name)\" has \(name.utf8.count) bytes, and Linux takes at most \(maximum); "
                + "give a shorter one with --interface."
        )
    }
    let isUsable = name.utf8.allSatisfy {
        (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":")
    }
    guard !name.isEmpty, name != ".", name != "..", isUsable, !name.utf8.contains(UInt8(ascii: "%")) else {
        throw invalid(
            "interface",
            "\"\(name)\" cannot be an interface's name: it needs 1 to \(maximum) characters without blanks, / : and %."
        )
    }
}

private func checkNetns(_ netns: String?) throws(Problem) {
    guard let netns else { return }
    let isPath = netns.hasPrefix("/")
    let isUsable =
        netns.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f } && (isPath || !netns.utf8.contains(UInt8(ascii: "/")))
    guard !netns.isEmpty, netns.utf8.count <= PortSpecification.netnsByteCountMaximum, isUsable else {
        throw invalid("netns", "\"netns\" must be the name of a network namespace or an absolute path to one.")
    }
}

/// The fields of a body, with their types checked.
extension JSONReader {
    /// The field; `nil` if it is missing or `null`.
    private func field(_ name: String) -> JSONValue? {
        let field = value[name]
        return field == .null ? nil : field
    }

    fileprivate func string(_ field: String) throws(Problem) -> String? {
        guard let value = self.field(field) else { return nil }
        guard let text = value.stringValue else {
            throw invalid(field, "\"\(field)\" must be a string and is \(value.kindName).")
        }
        return text
    }

    fileprivate func boolean(_ field: String) throws(Problem) -> Bool? {
        guard let value = self.field(field) else { return nil }
        guard let boolean = value.boolValue else {
            throw invalid(field, "\"\(field)\" must be true or false and is \(value.kindName).")
        }
        return boolean
    }

    fileprivate func device() throws(Problem) -> DeviceKind {
        guard let text = try string("device") else { return .tap }
        guard let device = DeviceKind(rawValue: text), DeviceKind.ofUsers.contains(device) else {
            let kinds = DeviceKind.ofUsers.map(\.rawValue).joined(separator: ", ")
            throw invalid("device", "\"\(text)\" is no kind of device; there are \(kinds).")
        }
        return device
    }

    /// The interface's name, with what goes with it.
    fileprivate func interface(of name: String) throws(Problem) -> String {
        try refuse(["socket"], "Only a port of \"device\" vhost-user has a socket")
        if try device() == .existing {
            let reason = "An existing device is in the agent's namespace and set up by those who made it"
            try refuse(["netns", "mac", "addresses", "existing"], reason)
        }
        let interface = try string("interface") ?? name
        try checkInterface(interface)
        return interface
    }

    /// The path of a vhost-user port's socket.
    fileprivate func socket() throws(Problem) -> String {
        let reason = "The VMM of a vhost-user port sets up the guest's interface"
        try refuse(["interface", "netns", "mac", "addresses", "mtu", "existing"], reason)
        guard let path = try string("socket") else {
            throw invalid("socket", "A vhost-user port needs \"socket\", the path at which its VMM connects.")
        }
        let isUsable = path.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f } && path.hasPrefix("/") && !path.hasSuffix("/")
        guard isUsable, path.utf8.count <= PortSpecification.socketByteCountMaximum else {
            let maximum = PortSpecification.socketByteCountMaximum
            throw invalid("socket", "\"socket\" must be an absolute path of at most \(maximum) bytes without blanks.")
        }
        return path
    }

    /// Refuses fields that a kind of device cannot be given.
    private func refuse(_ fields: [String], _ reason: String) throws(Problem) {
        for field in fields {
            guard let value = self.field(field), value.arrayValue?.isEmpty != true else { continue }
            throw invalid(field, "\(reason): leave out \"\(field)\".")
        }
    }

    fileprivate func mac() throws(Problem) -> MACAddress? {
        guard let text = try string("mac") else { return nil }
        guard let mac = MACAddress(text) else {
            throw invalid("mac", "\"\(text)\" is not a MAC address; write one as 02:ac:10:ff:00:11.")
        }
        guard !mac.isMulticast, !mac.isZero else {
            throw invalid("mac", "An interface cannot have the MAC \(mac): it is \(mac.isZero ? "zero" : "multicast").")
        }
        return mac
    }

    fileprivate func addresses() throws(Problem) -> [IPPrefix] {
        guard let value = field("addresses") else { return [] }
        guard let elements = self["addresses"]?.elements else {
            throw invalid("addresses", "\"addresses\" must be an array of ADDRESS/LENGTH and is \(value.kindName).")
        }
        guard elements.count <= PortSpecification.addressCountMaximum else {
            throw invalid("addresses", "A port has at most \(PortSpecification.addressCountMaximum) addresses.")
        }
        var prefixes: [IPPrefix] = []
        for element in elements {
            guard let text = element.value.stringValue, let prefix = IPPrefix(text), prefix.address.isOfOneHost else {
                throw Problem(
                    .unprocessableContent,
                    code: "invalid_addresses",
                    detail: "\(element.value.text) is not an address for an interface; write one as 172.16.255.11/24.",
                    pointer: element.pointer
                )
            }
            if let reason = prefix.address.reasonAgainstGuest {
                throw Problem(
                    .unprocessableContent,
                    code: "invalid_addresses",
                    detail: "\(prefix.address) cannot be a guest's: \(reason).",
                    pointer: element.pointer
                )
            }
            prefixes.append(prefix)
        }
        return prefixes
    }

    fileprivate func mtu() throws(Problem) -> Int? {
        guard let value = field("mtu") else { return nil }
        let range = PortSpecification.mtuMinimum...PortSpecification.mtuMaximum
        guard let number = value.integerValue, let mtu = Int(exactly: number), range.contains(mtu) else {
            throw invalid("mtu", "\"mtu\" must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return mtu
    }
}
