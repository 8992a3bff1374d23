import JSON

extension JSONValue {
    /// The condition of a chassis: `live`, `held` if it does not use this network, or `dead`.
    var chassisCondition: String {
        chassisState == "live" && self["status"]?["held"]?.heldText != nil ? "held" : chassisState
    }

    /// A sentence about a share that a host does not go by, without its full stop; `nil` if there is none.
    var heldText: String? {
        guard let plugged = self["plugged_ports"]?.integerValue, let ports = self["ports"]?.integerValue else {
            return nil
        }
        let inForce = self["in_force"]
        let revisions = [self["revision"], inForce?["revision"]].map { $0?.plainText ?? "" }
        return "central's network (epoch \(text("epoch")), revision \(revisions[0])) is held back: it would take away "
            + "\(plugged) plugged port\(plugged == 1 ? "" : "s") and \(ports) of the ports that the host knows; "
            + "packets still follow revision \(revisions[1]) of epoch "
            + (inForce?.text("epoch") ?? "")
    }
}

extension String {
    /// The text with its first letter large.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
