import Datapath
import Reactor

// The decisions of ACLs: in a file of the agent's, which the pollers write to.

extension ForwarderControl {
    /// Lets ACLs write their decisions down. The first file is kept, as pollers may be writing to it at any time.
    func noteDecisions(in descriptor: Descriptor?) {
        guard filterRecord == nil else { return }
        guard let descriptor, let file = FilterRecordFile(descriptor.raw) else {
            connection?.close("the file of ACLs' decisions cannot be used")
            return
        }
        filterRecord = (descriptor, file)
        activations.filterRecord = file.record
    }
}
