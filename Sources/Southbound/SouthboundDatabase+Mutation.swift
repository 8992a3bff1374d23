import Persistent
import Wire

extension SouthboundDatabase {
    /// Puts a record, in place of one with its key, and keeps every index in step.
    public mutating func put(_ entry: Entry) {
        let old = entries.updateValue(entry, forKey: entry.record.key)
        if let old {
            guard !old.record.isIndexed(like: entry.record) else { return }
            index(old.record, isPresent: false)
        }
        index(entry.record, isPresent: true)
    }

    /// Removes the record with this key, if there is one, from the database and every index.
    public mutating func remove(_ key: RecordKey) {
        guard let old = entries.removeValue(forKey: key) else { return }
        index(old.record, isPresent: false)
    }

    private mutating func index(_ record: Record, isPresent: Bool) {
        let key: RecordKey? = isPresent ? record.key : nil
        switch record {
        case .chassis(let chassis):
            chassisByName[chassis.name] = key
            chassisByIdentity[chassis.chassisID.lowercased()] = isPresent ? chassis.name : nil
            for encap in chassis.encaps { chassisByEncap[encap] = isPresent ? chassis.name : nil }
        case .datapathBinding(let datapath):
            datapathsByKey[datapath.tunnelKey] = key
            attach(record.attachments, to: datapath.id, isPresent)
        case .portBinding(let port):
            portsByName[port.logicalPort] = key
            portsByDatapath.update(port.datapath) { $0[port.tunnelKey] = key }
            for location in port.locations {
                portsByChassis.update(location.chassis) { $0[port.id] = key }
                let step = isPresent ? 1 : -1
                datapathsByChassis.update(location.chassis) { $0.add(step, to: port.datapath) }
                chassisByDatapath.update(port.datapath) { $0.add(step, to: location.chassis) }
            }
            attach(record.attachments, to: port.datapath, isPresent)
        case .dhcpResponder, .dnsResponder, .mirrorSession: break
        }
    }

    private mutating func attach(_ keys: [RecordKey], to datapath: ObjectID, _ isPresent: Bool) {
        let step = isPresent ? 1 : -1
        for key in keys {
            attachmentsByDatapath.update(datapath) { $0.add(step, to: key) }
            datapathsByAttachment.update(key) { $0.add(step, to: datapath) }
        }
    }
}

extension Record {
    /// True if every index has both records at the same places; both have the same key.
    fileprivate func isIndexed(like other: Record) -> Bool {
        switch (self, other) {
        case (.chassis(let old), .chassis(let new)):
            old.encaps == new.encaps && old.chassisID == new.chassisID
        case (.datapathBinding(let old), .datapathBinding(let new)):
            old.tunnelKey == new.tunnelKey && old.dnsRecords == new.dnsRecords
        case (.portBinding(let old), .portBinding(let new)):
            old.tunnelKey == new.tunnelKey && old.logicalPort == new.logicalPort && old.datapath == new.datapath
                && old.locations.map(\.chassis) == new.locations.map(\.chassis)
                && old.dhcpv4Options == new.dhcpv4Options && old.dhcpv6Options == new.dhcpv6Options
                && old.mirrors == new.mirrors
        case (.dhcpResponder, .dhcpResponder), (.dnsResponder, .dnsResponder),
            (.mirrorSession, .mirrorSession):
            true
        case (.chassis, _), (.datapathBinding, _), (.portBinding, _), (.dhcpResponder, _), (.dnsResponder, _),
            (.mirrorSession, _):
            false
        }
    }
}

extension OrderedMap {
    /// Changes the map under a key, which is there only while it has entries.
    fileprivate mutating func update<Inner, Item>(_ key: Key, _ change: (inout OrderedMap<Inner, Item>) -> Void)
    where Value == OrderedMap<Inner, Item> {
        update(key, default: OrderedMap<Inner, Item>(), change)
        if self[key]?.isEmpty == true { self[key] = nil }
    }
}

extension OrderedMap where Value == Int {
    /// Counts up or down; what counts zero is not there.
    fileprivate mutating func add(_ step: Int, to key: Key) {
        let count = (self[key] ?? 0) + step
        self[key] = count > 0 ? count : nil
    }
}
