import ArgumentParser
import Client
import Reactor

/// `heddle migrate`: the move of a guest from one host to another.
struct MigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Move a port's guest to another host without losing a frame.",
        discussion: """
            With TARGET the move begins. Plug the port in at the target, wait until it is ready, and let the \
            hypervisor move the guest: frames go to both hosts until the guest's first frame at the target (RARP, \
            gratuitous ARP or a neighbor advertisement) moves the port there. Then complete the move.

            EXAMPLES:
              heddle migrate ls1-vm1 hv2
              heddle migrate ls1-vm1 hv2 --wait --timeout 600
              heddle migrate ls1-vm1
              heddle migrate ls1-vm1 --complete
              heddle migrate ls1-vm1 --abort
            """
    )

    @Argument(help: "The port, by name or UUID.", completion: .custom(completePorts)) var port: String

    @Argument(help: "The chassis that the guest moves to; without one the progress is shown.") var target: String?

    @Option(help: ArgumentHelp("The frames by which the guest announces itself.", valueName: "rarp,garp,na"))
    var strategy: String?

    @Flag(help: "Wait until the guest has moved, and complete the move then.") var wait = false

    @Option(help: ArgumentHelp("The longest wait, in seconds.", valueName: "seconds")) var timeout: Int64?

    @Flag(help: "End the move: the target alone has the port from then on.") var complete = false

    @Flag(help: "Call the move off: the host that the guest leaves keeps the port.") var abort = false

    func validate() throws {
        let words = [target != nil, complete, abort].count { $0 }
        guard words <= 1 else { throw ValidationError("give one of TARGET, --complete and --abort") }
        guard strategy == nil || target != nil else { throw ValidationError("--strategy needs a TARGET") }
        guard !wait || !(complete || abort) else { throw ValidationError("--wait has no effect there") }
        guard timeout == nil || wait, timeout ?? 0 >= 0 else { throw ValidationError("--timeout needs --wait") }
    }

    func run() throws {
        let session = MigrationSession(caller: try Connection.toCentral())
        if complete { return put(try session.complete(port)) }
        if abort { return put(try session.abort(port)) }
        if let target {
            let frames = strategy?.split(separator: ",").map(String.init) ?? []
            let line = try session.begin(port, to: target, strategy: frames)
            if !wait { return put(line) }
        } else if !wait {
            return put(try session.progress(port))
        }
        let deadline = Deadline(seconds: timeout, now: Clock.monotonic)
        put(try session.wait(for: port, until: deadline) { complain($0.trimmingNewline) })
    }
}

extension String {
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
