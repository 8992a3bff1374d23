import Datapath
import Glibc

/// The used parts of ports' limits in one poller, by number. A number that is used again has what time has given
/// back.
struct PortBudgets: ~Copyable {
    private let budgets: UnsafeMutablePointer<PortBudget>
    private let mask: Int

    /// - Parameter count: ports that are told apart, a power of two; others share the budgets of those.
    init(count: Int) {
        precondition(count > 0 && count & (count - 1) == 0)
        // calloc, since only what is used of it ever takes memory; all zero is an unused budget.
        guard let memory = calloc(count, MemoryLayout<PortBudget>.stride) else {
            preconditionFailure("no memory for budgets")
        }
        budgets = memory.bindMemory(to: PortBudget.self, capacity: count)
        mask = count - 1
    }

    deinit {
        free(budgets)
    }

    subscript(number: Int) -> UnsafeMutablePointer<PortBudget> { budgets + (number & mask) }
}
