import Southbound

/// The guards of a port: what its field says, else what its switch says, else on if the port has got port security from
/// a version of central that knows guards.
extension LogicalSwitchPort {
    /// Turns the default on when the port gets port security, and off when it loses it. A port that has had port
    /// security since before stays as it was.
    mutating func noteGuards(since former: LogicalSwitchPort?) {
        if portSecurity.isEmpty {
            status.isGuarded = false
        } else if former?.portSecurity.isEmpty ?? true {
            status.isGuarded = true
        }
    }

    /// The feature that hosts need for the default, or for a port that leaves its switch's rule; `nil` if they need
    /// none. Fields name their own.
    func guardFeature(on home: LogicalSwitch?) -> String? {
        let guards = [(guardsRouters, home?.guardsRouters), (guardsDHCP, home?.guardsDHCP)]
        let isNeeded = guards.contains { own, shared in
            own == false ? shared == true : (own ?? shared) == nil && status.isGuarded
        }
        return isNeeded ? Feature.portGuards : nil
    }
}
