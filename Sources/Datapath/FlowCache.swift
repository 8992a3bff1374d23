import CLinux
import Glibc

/// Decisions about flows, kept: a hit saves the pipeline.
///
/// The key of a decision has all that the decision has read of the frame. Most read no more than addresses: their keys
/// and actions lie in a narrow table, an entry a cache line. For the others the narrow table says that there is more to
/// read, and a wide table has the decision. What is more than one thing to do, or changes the frame, is a program
/// beside the tables. An entry holds for the tables by which it was decided, and for later ones if nothing has changed
/// that it has read (`Tables.holds`).
public struct FlowCache: ~Copyable {
    let narrow: FlowTable<FlowKey>
    /// Apart, so that the cache is handed on in registers.
    private let others: UnsafeMutablePointer<Others>

    /// Entries of a narrow table that nobody wants smaller: twice the flows that one poller is expected to have, so
    /// that few of them push each other out. A page of it takes memory when a flow first falls there.
    public static let usualEntryCount = 1 << 18
    /// Entries of the wide table for each of the narrow one: new connections come and go where ports are read, but few
    /// switches have rules that read them.
    private static let narrowEntriesPerWide = 4
    /// Flows that are changed or go to several ports, for each entry of the narrow table.
    private static let narrowEntriesPerProgram = 16

    /// Nothing is kept yet.
    /// - Parameter entryCount: how many flows the narrow table keeps at most; a power of two from 8 on.
    public init(entryCount: Int = usualEntryCount) {
        narrow = FlowTable(entryCount: entryCount)
        others = .allocate(capacity: 1)
        others.initialize(
            to: Others(
                wide: FlowTable(entryCount: max(8, entryCount / Self.narrowEntriesPerWide)),
                programs: OutputPrograms(count: max(8, entryCount / Self.narrowEntriesPerProgram))
            )
        )
    }

    deinit {
        others.deinitialize(count: 1)
        others.deallocate()
    }

    /// The parts that most flows do without.
    struct Others: ~Copyable {
        let wide: FlowTable<WideFlowKey>
        let programs: OutputPrograms
    }

    /// The entry of a flow that depends on more than addresses, of whatever epoch.
    func entry(_ key: WideFlowKey, _ hash: Int) -> UnsafeMutablePointer<FlowTable<WideFlowKey>.Entry>? {
        others.pointee.wide.entry(key, hash)
    }

    /// Puts a flow that depends on more than addresses in its place.
    func insert(_ key: WideFlowKey, _ hash: Int, epoch: UInt64, _ action: FlowAction) {
        others.pointee.wide.insert(key, hash, epoch: epoch, action)
    }

    /// The program of a flow; `nil` if another flow's has taken its place.
    func program(of action: FlowAction) -> UnsafePointer<OutputPrograms.Program>? {
        others.pointee.programs.program(of: action)
    }

    /// Puts a program in; the one that was in its place is gone.
    /// - Returns: the action that a flow table keeps.
    func insert(_ program: OutputPrograms.Program, _ hash: Int) -> FlowAction {
        others.pointee.programs.insert(program, hash)
    }

    /// Fetches what `find` looks at first, while something else is done.
    @inline(__always)
    func prefetch(_ hash: Int) { narrow.prefetch(hash) }

    /// The decision on a flow by the tables of this epoch, or found to hold for them.
    @inline(__always)
    func find(_ key: FlowKey, _ hash: Int, epoch: UInt64) -> FlowAction? { narrow.find(key, hash, epoch: epoch) }
}

/// A table of flows: each is in one of eight places.
struct FlowTable<Key: FlowTableKey>: ~Copyable {
    /// Places of a flow: those that differ in these bits of their number.
    private static var wayMask: Int { 7 }

    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int

    struct Entry: BitwiseCopyable {
        var key: Key
        var action: FlowAction
    }

    init(entryCount: Int) {
        precondition(entryCount > Self.wayMask && entryCount & (entryCount - 1) == 0)
        mask = entryCount - 1
        // All zero: an entry with epoch 0 is none.
        entries = mapZeroed(Entry.self, count: entryCount)
    }

    deinit {
        _ = clinux_unmap(entries, (mask + 1) * MemoryLayout<Entry>.stride)
    }

    @inline(__always)
    func prefetch(_ hash: Int) { clinux_prefetch(entries + (hash & mask)) }

    @inline(__always)
    func find(_ key: Key, _ hash: Int, epoch: UInt64) -> FlowAction? {
        let first = entries + (hash & mask)
        if first.pointee.action.isOf(epoch), first.pointee.key.isEqual(key) { return first.pointee.action }
        for way in 1...Self.wayMask {
            let entry = entries + (hash & mask ^ way)
            if entry.pointee.action.isOf(epoch), entry.pointee.key.isEqual(key) { return entry.pointee.action }
        }
        return nil
    }

    /// The entry of a flow, of whatever epoch.
    func entry(_ key: Key, _ hash: Int) -> UnsafeMutablePointer<Entry>? {
        for way in 0...Self.wayMask {
            let entry = entries + (hash & mask ^ way)
            if entry.pointee.action.isThere, entry.pointee.key.isEqual(key) { return entry }
        }
        return nil
    }

    /// Puts a flow in its own place, in the first of its places that has none of this epoch, or in the place of the
    /// flow that is in the first one.
    func insert(_ key: Key, _ hash: Int, epoch: UInt64, _ action: FlowAction) {
        var place = entry(key, hash)
        for way in 0...Self.wayMask where place == nil && !entries[hash & mask ^ way].action.isOf(epoch) {
            place = entries + (hash & mask ^ way)
        }
        (place ?? entries + (hash & mask)).pointee = Entry(key: key, action: action.of(epoch))
    }
}

/// Lists of outputs that flows have.
struct OutputPrograms: ~Copyable {
    private let programs: UnsafeMutablePointer<Program>
    private let mask: Int
    /// The number of programs so far.
    private let ticket: UnsafeMutablePointer<UInt64>

    /// All that is done with each frame of a flow.
    struct Program: BitwiseCopyable {
        /// Its number among all: entries of the flow tables know it, so that none takes another flow's program.
        var ticket: UInt64 = 0
        /// The copies that count against the limit.
        var extraCopyCount = 0
        /// True if the frames are for a MAC that nobody is known to have.
        var isUnknown = false
        /// True if it holds for no other tables than those that have decided: the frame has been in other datapaths,
        /// whose changes nobody looks for.
        var isOfOneEpoch = false
        var outputs = OutputList()
    }

    init(count: Int) {
        precondition(count & (count - 1) == 0)
        mask = count - 1
        programs = mapZeroed(Program.self, count: count)
        ticket = .allocate(capacity: 1)
        ticket.initialize(to: 0)
    }

    deinit {
        _ = clinux_unmap(programs, (mask + 1) * MemoryLayout<Program>.stride)
        ticket.deallocate()
    }

    func insert(_ program: Program, _ hash: Int) -> FlowAction {
        ticket.pointee &+= 1
        let index = hash & mask
        programs[index] = program
        programs[index].ticket = ticket.pointee
        return FlowAction(.program, to: index, keys: ticket.pointee)
    }

    func program(of action: FlowAction) -> UnsafePointer<Program>? {
        let program = programs + (action.program & mask)
        return program.pointee.ticket == action.ticket ? UnsafePointer(program) : nil
    }
}

/// Pages of their own, all zero.
private func mapZeroed<Element: BitwiseCopyable>(_ type: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
    var memory: UnsafeMutableRawPointer?
    guard clinux_map_private(count * MemoryLayout<Element>.stride, &memory) == 0, let memory else {
        preconditionFailure("no memory for flows")
    }
    return memory.bindMemory(to: type, capacity: count)
}
