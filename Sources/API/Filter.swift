import Northbound
import Northd
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
    private var macs: [MACAddress] = []
    private var ips: [IPAddress] = []
    /// What was asked, in one spelling whatever the order: pages belong to one filter.
    private(set) var text = ""

    init(_ filters: [(parameter: Parameter, value: String)]) throws(Problem) {
        for (parameter, value) in filters {
            switch parameter {
            case .label:
                let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let key = parts.first.map(String.init), !key.isEmpty else {
                    throw Self.strange(parameter, "KEY=VALUE or KEY", value)
                }
                labels[key, default: []].append(parts.count == 2 ? String(parts[1]) : nil)
            case .up, .enabled, .live:
                guard value == "true" || value == "false" else { throw Self.strange(parameter, "true or false", value) }
                values[parameter, default: []].append(value)
            case .mac:
                guard let mac = MACAddress(value) else { throw Self.strange(parameter, "a MAC address", value) }
                macs.append(mac)
            case .ip:
                guard let ip = IPAddress(value) else { throw Self.strange(parameter, "an IP address", value) }
                ips.append(ip)
            default: values[parameter, default: []].append(value)
            }
        }
        text = filters.map { "\($0.parameter.rawValue)=\($0.value)" }.sorted().joined(separator: "&")
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
        }
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
        guard !macs.isEmpty || !ips.isEmpty else { return true }
        let known = port.logicalAddresses.compactMap { address in
            if case .known(let mac, let ips) = address { (mac: mac, ips: ips) } else { nil }
        }
        return (macs.isEmpty || known.contains { macs.contains($0.mac) })
            && (ips.isEmpty || known.contains { $0.ips.contains(where: ips.contains) })
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
