import Wire

/// Traces over the tables as they are now, which stay in memory meanwhile.
extension ForwardingTables {
    /// The way of a frame that the device in `slot` sends; see ``Tables/trace(_:from:)``.
    public func trace(_ bytes: [UInt8], from slot: UInt16) -> Trace {
        withExtendedLifetime(self) { view.trace(bytes, from: slot) }
    }

    /// The way of a datagram that another host sends; see ``Tables/trace(datagram:from:now:)``.
    public func trace(datagram bytes: [UInt8], from source: IPAddress, now: Duration) -> Trace {
        withExtendedLifetime(self) { view.trace(datagram: bytes, from: source, now: now) }
    }
}
