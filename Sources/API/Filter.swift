import HTTP
import NetworkModel
import Southbound
import Wire

/// A choice of objects for a list: one of the values given for each field and none of those excluded, for all fields.
struct Filter {
    /// The objects of users that are asked for.
    private(set) var objects = ObjectFilter()
    /// The question, in one spelling whatever the order: pages belong to one filter.
    private(set) var text = ""

    init(_ filters: [(parameter: Parameter, value: String)]) throws(Problem) {
        for (parameter, value) in filters {
            switch parameter {
            case .label:
                do throws(LabelSelector.Fault) {
                    try objects.labels.add(value)
                } catch {
                    throw Problem(
                        .invalidParameter,
                        "label=\(cut(value, at: 64)) is no selector: \(error). The forms are \(LabelSelector.forms)."
                    )
                }
            case .up, .enabled, .live:
                guard value == "true" || value == "false" else { throw Self.strange(parameter, "true or false", value) }
                objects.texts[parameter.rawValue, default: TextCondition()].add(value)
            case .mac:
                let (text, isNot) = Self.negated(value)
                guard let mac = MACAddress(text) else { throw Self.strange(parameter, "a MAC address", value) }
                var condition = objects.macs ?? ValueCondition()
                condition.add(mac, isNot: isNot)
                objects.macs = condition
            case .ip:
                let (text, isNot) = Self.negated(value)
                guard let network = IPPrefix(text) else {
                    throw Self.strange(parameter, "an IP address, or a network such as 10.0.0.0/24", value)
                }
                guard network.hasZeroHostBits else {
                    throw Self.strange(parameter, "an IP address, or a network without bits after its prefix", value)
                }
                var condition = objects.ips ?? ValueCondition()
                condition.add(network, isNot: isNot)
                objects.ips = condition
            case .name, .owner, .switch, .chassis, .logicalPort, .datapath:
                try Self.checkPattern(parameter, value)
                objects.texts[parameter.rawValue, default: TextCondition()].add(value)
            case .limit, .pageToken, .minRevision, .ports, .revision, .since, .wait, .epoch, .hash, .page, .fields,
                .dryRun, .confirmDeletes, .until, .prune, .adopt, .ifRevision, .kinds, .order, .author:
                break
            }
        }
        text = filters.map { "\($0.parameter.rawValue)=\($0.value)" }.sorted().joined(separator: "&")
    }

    /// A value without the `!` before it.
    private static func negated(_ value: String) -> (text: Substring, isNot: Bool) {
        value.first == "!" ? (value.dropFirst(), true) : (value[...], false)
    }

    /// Refuses a pattern that no name can fit: it would silently find nothing.
    private static func checkPattern(_ parameter: Parameter, _ value: String) throws(Problem) {
        let text = negated(value).text
        let name = text.last == "*" ? text.dropLast() + "x" : text
        guard let problem = ObjectName.problem(String(name)), ObjectID(name) == nil else { return }
        throw Problem(
            .invalidParameter,
            "\(parameter.rawValue)=\(cut(value, at: 64)) finds nothing: \(problem). A star at the end stands for any "
                + "rest, ! at the beginning for all others; repeat \(parameter.rawValue) for each further value."
        )
    }

    private static func strange(_ parameter: Parameter, _ wanted: String, _ value: String) -> Problem {
        Problem(.invalidParameter, "\(parameter.rawValue) is \(wanted), not \(quoted(value)).")
    }

    /// The values of a field, if one of them is asked for.
    func list(_ parameter: Parameter) -> [String]? { objects.texts[parameter.rawValue]?.texts?.sorted() }

    private func has(_ parameter: Parameter, _ value: String?) -> Bool {
        objects.texts[parameter.rawValue].map { $0.holds(for: value) } ?? true
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
                && (objects.texts[Parameter.chassis.rawValue].map { $0.holds(forAny: port.locations.map(\.chassis)) }
                    ?? true)
        case .dhcpResponder, .dnsResponder, .mirrorSession: true
        }
    }

    func matches(datapath name: String) -> Bool { has(.datapath, name) }
}

extension Parameter {
    /// True if it says which objects a list has; it may then be given more than once, and exclude values.
    var isFilter: Bool {
        switch self {
        case .name, .owner, .label, .switch, .chassis, .up, .enabled, .live, .mac, .ip, .logicalPort, .datapath:
            true
        case .limit, .pageToken, .minRevision, .ports, .revision, .since, .wait, .epoch, .hash, .page, .fields, .dryRun,
            .confirmDeletes, .until, .prune, .adopt, .ifRevision, .kinds, .order, .author:
            false
        }
    }

    /// The filter that a query's `name!=value` stands for, which is `name=!value`.
    init?(negated name: String) {
        guard name.last == "!", let parameter = Parameter(rawValue: String(name.dropLast())), parameter.isFilter else {
            return nil
        }
        self = parameter
    }
}
