import HTTP
import NetworkModel
import Southbound
import Wire

/// A choice of objects for a list: one of the values given for each field, for all of the fields.
struct Filter {
    /// The objects of users that are asked for.
    private(set) var objects = ObjectFilter()
    /// The question, in one spelling whatever the order: pages belong to one filter.
    private(set) var text = ""

    init(_ filters: [(parameter: Parameter, value: String)]) throws(Problem) {
        for (parameter, value) in filters {
            switch parameter {
            case .label:
                try addLabel(value)
            case .up, .enabled, .live:
                guard value == "true" || value == "false" else { throw Self.strange(parameter, "true or false", value) }
                objects.values[parameter.rawValue, default: []].append(value)
            case .mac:
                guard let mac = MACAddress(value) else { throw Self.strange(parameter, "a MAC address", value) }
                objects.macs = (objects.macs ?? []) + [mac]
            case .ip:
                guard let ip = IPAddress(value) else { throw Self.strange(parameter, "an IP address", value) }
                objects.ips = (objects.ips ?? []) + [ip]
            case .author: objects.values[parameter.rawValue, default: []].append(value)
            case .name, .owner, .switch, .chassis, .logicalPort, .datapath:
                // A value that cannot be a name would silently find nothing.
                if let problem = ObjectName.problem(value), ObjectID(value) == nil {
                    throw Problem(
                        .invalidParameter,
                        "\(parameter.rawValue)=\(value.prefix(64)) finds nothing: \(problem), and the whole value is "
                            + "compared; repeat \(parameter.rawValue) for each further value."
                    )
                }
                objects.values[parameter.rawValue, default: []].append(value)
            case .limit, .pageToken, .minRevision, .ports, .revision, .since, .wait, .epoch, .hash, .page, .fields,
                .dryRun, .confirmDeletes, .until, .prune, .adopt, .ifRevision, .kinds:
                break
            }
        }
        text = filters.map { "\($0.parameter.rawValue)=\($0.value)" }.sorted().joined(separator: "&")
    }

    /// Takes `KEY=VALUE`, `KEY!=VALUE` or `KEY`. A spelling that other systems understand differently is refused.
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
            objects.otherLabels[key, default: []].append(value)
        } else {
            objects.labels[key, default: []].append(value)
        }
    }

    private static func strange(_ parameter: Parameter, _ wanted: String, _ value: String) -> Problem {
        Problem(.invalidParameter, "\(parameter.rawValue) is \(wanted), not \"\(value.prefix(64))\".")
    }

    /// The values of a field, if it is asked about.
    func list(_ parameter: Parameter) -> [String]? { objects.values[parameter.rawValue] }

    private func has(_ parameter: Parameter, _ value: String?) -> Bool {
        guard let values = list(parameter) else { return true }
        return value.map(values.contains) ?? false
    }

    /// True if everything is let through.
    var isEmpty: Bool { text.isEmpty }

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
                && (list(.chassis).map { names in port.locations.contains { names.contains($0.chassis) } } ?? true)
        case .dhcpResponder, .dnsResponder, .mirrorSession: true
        }
    }

    func matches(datapath name: String) -> Bool { has(.datapath, name) }
}

extension Parameter {
    /// True if it says which objects a list has; it may then be given more than once.
    var isFilter: Bool {
        switch self {
        case .name, .owner, .label, .switch, .chassis, .up, .enabled, .live, .mac, .ip, .logicalPort, .datapath,
            .author:
            true
        case .limit, .pageToken, .minRevision, .ports, .revision, .since, .wait, .epoch, .hash, .page, .fields, .dryRun,
            .confirmDeletes, .until, .prune, .adopt, .ifRevision, .kinds:
            false
        }
    }
}
