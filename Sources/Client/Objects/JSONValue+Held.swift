import JSON

extension JSONValue {
    /// A sentence about a share that a host does not go by, without its full stop; `nil` where there is none.
    var heldText: String? {
        guard let plugged = self["plugged_ports"]?.plainText, let ports = self["ports"]?.plainText else { return nil }
        let inForce = self["in_force"]
        let revisions = [self["revision"], inForce?["revision"]].map { $0?.plainText ?? "" }
        return "what central says (epoch \(text("epoch")), revision \(revisions[0])) is held: it would take away "
            + "\(plugged) plugged ports and \(ports) ports in all; packets go on by revision \(revisions[1]) of epoch "
            + (inForce?.text("epoch") ?? "")
    }
}

extension String {
    /// The text with its first letter large.
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
