import NetworkModel
import Persistent
import Southbound
import Wire

/// Which objects of a collection a list is to have: one of the values given for each field, for all of the fields.
/// Each key of a label is a field of its own.
struct Filter {
    /// The values of each field that is asked about.
    private var values: [Parameter: [String]] = [:]
    /// The values of each label that is asked about; `nil` takes any.
    private var labels: [String: [String?]] = [:]
    /// The values that each label must not have.
    private var otherLabels: [String: [String]] = [:]
    /// The MAC and the IP addresses that are asked for, `nil` where none is.
    private(set) var macs: [MACAddress]?
    private(set) var ips: [IPAddress]?
    /// What was asked, in one spelling whatever the order: pages belong to one filter.
    private(set) var text = ""

    init(_ filters: [(parameter: Parameter, value: String)]) throws(Problem) {
        for (parameter, value) in filters {
            switch parameter {
            case .label:
                try addLabel(value)
            case .up, .enabled, .live:
                guard value == "true" || value == "false" else { throw Self.strange(parameter, "true or false", value) }
                values[parameter, default: []].append(value)
            case .mac:
                guard let mac = MACAddress(value) else { throw Self.strange(parameter, "a MAC address", value) }
                macs = (macs ?? []) + [mac]
            case .ip:
                guard let ip = IPAddress(value) else { throw Self.strange(parameter, "an IP address", value) }
                ips = (ips ?? []) + [ip]
            case .author: values[parameter, default: []].append(value)
            default:
                // What cannot be a name would silently find nothing.
                if let problem = ObjectName.problem(value), ObjectID(value) == nil {
                    throw Problem(
                        .invalidParameter,
                        "\(parameter.rawValue)=\(value.prefix(64)) finds nothing: \(problem), and the whole value is compared; "
                            + "repeat \(parameter.rawValue) for each further value."
                    )
                }
                values[parameter, default: []].append(value)
            }
        }
        text = filters.map { "\($0.parameter.rawValue)=\($0.value)" }.sorted().joined(separator: "&")
    }

    /// Takes `KEY=VALUE`, `KEY!=VALUE` or `KEY`. What other systems would understand otherwise is refused.
    private mutating func addLabel(_ text: String) throws(Problem) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var key = parts.first ?? ""
        let isNot = parts.count == 2 && key.last == "!"
        if isNot { key.removeLast() }
        let value = parts.count == 2 ? parts[1] : nil
        guard !key.isEmpty else { throw Self.strange(.label, "KEY=VALUE, KEY!=VALUE or KEY", text) }
        let hasList =
            key.contains(",") || value?.split(separator: ",").dropFirst().contains { $0.contains("=") } == true
        guard !hasList else {
            throw Self.strange(.label, "one condition without commas; repeat label for each further condition", text)
        }
        guard !text.contains("*"), key.first != "!" else {
            throw Self.strange(.label, "KEY=VALUE, KEY!=VALUE or KEY (with any value), without patterns", text)
        }
        if isNot, let value {
            otherLabels[key, default: []].append(value)
        } else {
            labels[key, default: []].append(value)
        }
    }

    private static func strange(_ parameter: Parameter, _ wanted: String, _ value: String) -> Problem {
        Problem(.invalidParameter, "\(parameter.rawValue) is \(wanted), not \"\(value.prefix(64))\".")
    }

    /// The only value of a field, where exactly one is asked for.
    func only(_ parameter: Parameter) -> String? {
        guard let values = values[parameter], values.count == 1 else { return nil }
        return values.first
    }

    /// The values of a field, where it is asked about.
    func list(_ parameter: Parameter) -> [String]? { values[parameter] }

    private func has(_ parameter: Parameter, _ value: String?) -> Bool {
        guard let values = values[parameter] else { return true }
        return value.map(values.contains) ?? false
    }

    private func matches(labels own: [String: String]) -> Bool {
        labels.allSatisfy { key, values in
            guard let value = own[key] else { return false }
            return values.contains { $0 == nil || $0 == value }
        } && otherLabels.allSatisfy { key, values in own[key].map { !values.contains($0) } ?? true }
    }

    /// Whether everything is let through.
    var isEmpty: Bool { text.isEmpty }

    func matches(_ stored: Stored<LogicalSwitch>) -> Bool {
        isEmpty || has(.name, stored.value.name) && has(.owner, stored.owner) && matches(labels: stored.value.labels)
    }

    /// - Parameter switches: The switches that the filter names.
    func matches(_ stored: Stored<LogicalSwitchPort>, switches: Set<ObjectID>?) -> Bool {
        guard !isEmpty else { return true }
        let port = stored.value
        return has(.name, port.name) && has(.owner, stored.owner) && has(.chassis, port.status.chassis)
            && has(.up, port.status.isUp.description) && has(.enabled, port.isEnabled.description)
            && switches?.contains(port.switchID) ?? true && matches(labels: port.labels)
            && matches(addresses: port)
    }

    private func matches(addresses port: LogicalSwitchPort) -> Bool {
        guard macs != nil || ips != nil else { return true }
        let known = port.logicalAddresses.compactMap { address in
            if case .known(let mac, let ips) = address { (mac: mac, ips: ips) } else { nil }
        }
        return (macs.map { macs in known.contains { macs.contains($0.mac) } } ?? true)
            && (ips.map { ips in known.contains { $0.ips.contains(where: ips.contains) } } ?? true)
    }

    func matches(chassis name: String, isLive: Bool) -> Bool {
        has(.name, name) && has(.live, isLive.description)
    }

    func matches(_ record: Record) -> Bool {
        guard !isEmpty else { return true }
        return switch record {
        case .chassis(let chassis): has(.name, chassis.name)
        case .datapathBinding(let datapath): has(.name, datapath.name)
        case .portBinding(let port):
            has(.logicalPort, port.logicalPort)
                && (values[.chassis].map { names in port.locations.contains { names.contains($0.chassis) } } ?? true)
        }
    }

    func matches(datapath name: String) -> Bool { has(.datapath, name) }
}

extension Parameter {
    /// Whether it says which objects a list has; it may then be given more than once.
    var isFilter: Bool {
        switch self {
        case .name, .owner, .label, .switch, .chassis, .up, .enabled, .live, .mac, .ip, .logicalPort, .datapath,
            .author:
            true
        default: false
        }
    }
}
