import ArgumentParser
import Client
import Glibc
import Reactor

/// `heddle apply`: makes the network what a file says.
struct ApplyCommand: ParsableCommand {
    /// The largest file, in bytes: YAML of more than central takes in one request.
    static let fileByteCountMaximum = 64 << 20

    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make switches and ports match a file, in one commit.",
        discussion: """
            The file is YAML or JSON, as 'heddle export' writes it:

              switches:
                - name: ls1
                  labels: {env: prod}
                  ports:
                    - name: ls1-vm1
                      addresses: ["02:ac:10:ff:00:11 172.16.255.11"]

            Ports may also be in a list 'ports:' of their own, each with its 'switch:'. A field that the file leaves \
            out gets its default. Each object belongs to one owner, whose file describes all of it; the objects of \
            others are left alone. Either all changes are made or none.

            EXAMPLES:
              heddle apply -f network.yaml --dry-run
              heddle apply -f network.yaml --owner shop --prune --wait=hv
              heddle export | ssh other heddle apply -f - --adopt unowned
            """
    )

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: ArgumentHelp("The file; - is the standard input.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml", "json"])
    )
    var file: String

    @Option(help: ArgumentHelp("The owner of the objects (default: the file's 'owner').", valueName: "name"))
    var owner: String?

    @Flag(help: "Only show what would change.")
    var dryRun = false

    @Option(help: ArgumentHelp("Expect just so many objects to be deleted.", valueName: "number"))
    var confirmDeletes: Int?

    @Flag(help: "Delete the owner's objects that are not in the file.")
    var prune = false

    @Option(help: ArgumentHelp("Take over objects that the file names: unowned, or any owner's.", valueName: "whose"))
    var adopt: Adoption?

    @Option(help: ArgumentHelp("Only if the owner's objects are still at this revision.", valueName: "revision"))
    var ifRevision: Int64?

    @Flag(help: "List all objects of the plan, also of a long one.")
    var full = false

    @Option(help: "Return when it is committed (none, sb), or used by all hosts concerned (hv).")
    var wait = ControlWait.none

    @Option(name: .shortAndLong, help: ArgumentHelp("Give up after this time and exit 3.", valueName: "seconds"))
    var timeout: Int64?

    /// Which objects of others a file may take over.
    enum Adoption: String, CaseIterable, ExpressibleByArgument {
        case unowned
        case any
    }

    func validate() throws {
        if let timeout, timeout < 1 { throw ValidationError("--timeout is a number of seconds from 1") }
        if let ifRevision, ifRevision < 0 { throw ValidationError("--if-revision is a revision, 0 for no objects yet") }
        if let confirmDeletes, confirmDeletes < 0 { throw ValidationError("--confirm-deletes is a number from 0") }
        if owner == "" { throw ValidationError("--owner may not be empty") }
    }

    func run() throws {
        let name = file == "-" ? "standard input" : file
        let topology = try TopologyFile(try text(named: name), name: name)
        var options = TopologySession.Options()
        options.isDryRun = dryRun
        options.confirmedDeletionCount = confirmDeletes
        options.prunes = prune
        options.adoption = adopt?.rawValue
        options.ifRevision = ifRevision
        options.wait = wait
        options.timeout = timeout
        options.isFull = full
        let connection = try Connection.toCentral()
        let progress = Progress(isTerminal: isatty(STDERR_FILENO) == 1, write: tell)
        connection.onWaiting = progress.tick
        defer { progress.end() }
        let session = TopologySession(
            caller: connection,
            progress: progress,
            output: {
                progress.end()
                put($0)
            },
            warn: {
                progress.end()
                complain($0)
            }
        )
        try session.apply(topology, owner: owner, options)
    }

    private func text(named name: String) throws -> String {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try readFile(file == "-" ? "/dev/stdin" : file, maximum: Self.fileByteCountMaximum)
        } catch {
            throw ClientError.usage("cannot read the topology: \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClientError.usage("\(name) is not text in UTF-8")
        }
        return text
    }
}

extension ControlWait: ExpressibleByArgument {}
