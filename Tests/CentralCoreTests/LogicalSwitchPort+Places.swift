import NetworkModel

/// The rules for the places of a port, once more.
extension LogicalSwitchPort {
    func mayBe(on chassis: String) -> Bool {
        requestedChassis.isEmpty || requestedChassis.contains(chassis)
    }

    func movesTo(behind holder: String?) -> [String] {
        guard requestedChassis.count > 1, !activationStrategy.isEmpty,
            let index = requestedChassis.firstIndex(where: { $0 == holder })
        else { return [] }
        return Array(requestedChassis[(index + 1)...])
    }
}
