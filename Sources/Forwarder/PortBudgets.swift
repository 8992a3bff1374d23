import Datapath
import ForwarderProtocol
import Glibc

/// What each port has used up of its limits in one poller, by slot. A slot that is used again has what time has given
/// back.
struct PortBudgets: ~Copyable {
    private let budgets: UnsafeMutablePointer<PortBudget>

    init() {
        // calloc, since only what is used of it ever takes memory; all zero is an unused budget.
        guard let memory = calloc(ForwarderProtocol.portCountMaximum, MemoryLayout<PortBudget>.stride) else {
            preconditionFailure("no memory for budgets")
        }
        budgets = memory.bindMemory(to: PortBudget.self, capacity: ForwarderProtocol.portCountMaximum)
    }

    deinit {
        free(budgets)
    }

    /// The budget of the port in a slot.
    subscript(slot: Int) -> UnsafeMutablePointer<PortBudget> { budgets + slot }
}
