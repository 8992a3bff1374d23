import Southbound
import Wire

/// The ways to ports of other hosts, over wires or through tunnels.
extension ForwardingTables {
    /// Changes the devices of a datapath, and lays the rows of ports on other hosts anew if the way there is another.
    func changeWires(of datapath: DatapathState, _ change: (DatapathState) -> Void) {
        let (wasJoined, former) = (!datapath.localnets.isEmpty, datapath.localnets.isEmpty ? nil : datapath.wire)
        change(datapath)
        let isJoined = !datapath.localnets.isEmpty
        guard wasJoined != isJoined || isJoined && former != datapath.wire else { return }
        datapath.areGroupsOutdated = true
        layPorts(of: datapath) { !self.elsewhere($0).isEmpty }
    }

    /// Lays the rows of some of a datapath's ports anew.
    func layPorts(of datapath: DatapathState, where isConcerned: (PortBinding) -> Bool) {
        var ids: [ObjectID] = []
        file.forEach(in: datapath.row.ports) { _, reference in
            let row = file.load(PortRow.self, at: reference)
            ids.append(ObjectID(high: row.idHigh, low: row.idLow))
        }
        for id in ids { if let port = port(id), isConcerned(port) { layAgain(id) } }
    }
}
