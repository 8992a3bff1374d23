import Wire

// Answers in the place of a port that a frame was for: they go to its sender, on this host or another one, as if the
// port had sent them.

extension Tables {
    /// Decides on an answer that the port in `slot` is to have given to one of its switch.
    ///
    /// Ingress is not asked, as in OVN: neither port security nor ACLs of the direction `from-lport`. Egress is.
    /// - Parameters:
    ///   - key: that of the port which is answered. Its place is known by this, whatever MAC address it has used.
    ///   - connections: those of ports; without them the answer is judged as the first of its connection.
    ///   - now: monotonic.
    public func processAnswer(
        _ answer: Frame,
        from slot: UInt16,
        to key: UInt16,
        connections: ConnectionTable?,
        now: Duration
    ) -> Verdict {
        guard let port = port(atSlot: slot), let datapath = datapath(of: port),
            let sender = self.port(key: key, in: datapath)
        else { return Verdict(.portNotBound) }
        var context = Context(
            answer,
            from: port,
            in: datapath,
            reply: UnsafeMutableRawBufferPointer(start: nil, count: 0),
            learnt: nil,
            connections: connections,
            now: now
        )
        // Without a tag at the one who is answered, it is of the native VLAN on the switch.
        if sender.pointee.nativeVLAN != 0, context.tagByteCount == 0 { context.edit.addTag(sender.pointee.nativeVLAN) }
        context.destinations.key = key
        context.destinations.locals = sender.pointee.locals
        context.destinations.remotes = sender.pointee.remotes
        return Verdict(.output, context)
    }

    /// The key of the port in a slot.
    public func key(atSlot slot: UInt16) -> UInt16? { port(atSlot: slot)?.pointee.key }
}
