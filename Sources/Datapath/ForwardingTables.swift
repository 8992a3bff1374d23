import Southbound
import Wire

/// Compiled, immutable forwarding tables of one host.
///
/// Everything that a frame's decision needs lies in one block of raw memory, reached through `view`; the other
/// properties serve the next compilation and people.
public final class ForwardingTables: @unchecked Sendable {
    /// The tables as the packet path reads them; valid while this object lives.
    public let view: Tables
    private let memory: UnsafeMutableRawPointer

    /// The number of the compilation: one more than `previous` had.
    public var epoch: UInt64 { view.epoch }

    /// Where each port is and was, for the next compilation.
    let presences: [ObjectID: PortPresence]
    /// The names of the chassis by number.
    let chassisNames: [String]
    /// The names of the logical ports by index.
    let portNames: [String]
    /// The names of the logical switches by index.
    let datapathNames: [String]

    /// Takes over the compiler's memory.
    init(
        arena: consuming TableArena,
        presences: [ObjectID: PortPresence],
        chassisNames: [String],
        portNames: [String],
        datapathNames: [String]
    ) {
        memory = arena.take()
        view = Tables(base: UnsafeRawPointer(memory))
        self.presences = presences
        self.chassisNames = chassisNames
        self.portNames = portNames
        self.datapathNames = datapathNames
    }

    deinit {
        memory.deallocate()
    }

    /// Compiles tables.
    ///
    /// Any input will do: what contradicts itself (two ports with one key or MAC, a port without its datapath) is
    /// settled in favour of the lower key, or left out.
    public static func compile(_ input: TableInput) -> ForwardingTables {
        var compiler = TableCompiler(input)
        compiler.compileDatapaths()
        return compiler.finish()
    }
}

/// Where a port is at present and where it was a moment ago.
struct PortPresence {
    /// The fence of the newest place.
    var bindSeq: UInt64
    /// The chassis where it is active, with their encaps.
    var present: [Place]
    /// The chassis from which its frames are still taken until the deadline.
    var past: [Past]

    struct Place {
        var chassis: String
        var encaps: [IPAddress]
    }

    struct Past {
        var place: Place
        var deadline: Duration
    }
}
