import AgentCore
import ArgumentParser
import Client
import Glibc
import HTTP

/// `heddle port capture`: the frames of a port as pcapng.
struct PortCaptureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Capture a port's frames, with what became of each.",
        discussion: """
            Writes pcapng: the frames that the guest sends as they came (inbound), and those that it is given \
            (outbound). Each has what became of it as its comment: where it went, the reason of its drop, or the kind \
            of its answer. Superpackets are one frame. Frames that come faster than they are taken are missed and \
            counted; packets never wait for a capture. Ends at a limit, with Ctrl-C, or with its reader.

            EXPRESSION is one of OVN's match language; inport is the logical port for what the guest sends, outport \
            for what it is given.

            EXAMPLES:
              heddle port capture vm1 -w vm1.pcapng
              heddle port capture vm1 | tshark -r - -T fields -e frame.number -e frame.comment
              heddle port capture vm1 -w vm1.pcapng --count 1000 --duration 60 --snap 128
              heddle port capture vm1 -w vm1.pcapng --filter 'tcp.dst == {80, 443} || arp'
              heddle port capture vm1 -w vm1.pcapng --filter 'outport != "" && ip4.src == 10.0.0.0/8'
            """
    )

    @Argument(help: "The port's name on this host.", completion: .custom(completePluggedPorts))
    var name: String

    @Option(
        name: [.customShort("w"), .customLong("write")],
        help: ArgumentHelp("The file to write, or - for the standard output.", valueName: "file"),
        completion: .file()
    )
    var file = "-"

    @Option(help: "End after so many frames.")
    var count: Int?

    @Option(help: "End before the file has more bytes.")
    var bytes: Int?

    @Option(help: "End after so many seconds.")
    var duration: Int?

    @Option(help: "Keep so many bytes of each frame, 14 to 65553 (default: all).")
    var snap: Int?

    @Option(help: ArgumentHelp("Capture only frames that it is true of.", valueName: "expression"))
    var filter: String?

    func validate() throws {
        if name.isEmpty { throw ValidationError("a port's name may not be empty") }
        let limits = [
            ("--count", count, CaptureRequest.countRange), ("--bytes", bytes, CaptureRequest.countRange),
            ("--duration", duration, CaptureRequest.secondsRange), ("--snap", snap, CaptureRequest.snapRange),
        ]
        for (option, value, range) in limits {
            guard let value, !range.contains(value) else { continue }
            throw ValidationError("\(option) takes \(range.lowerBound) to \(range.upperBound)")
        }
        _ = try request()
        if file == "-", isatty(STDOUT_FILENO) == 1 {
            throw ValidationError("a terminal cannot show pcapng; give a file with -w, or pipe it into 'tshark -r -'")
        }
    }

    private func request() throws -> CaptureRequest {
        var request = CaptureRequest(port: name)
        request.snapByteCount = snap ?? request.snapByteCount
        request.frameCountMaximum = count
        request.byteCountMaximum = bytes
        request.duration = duration.map { .seconds($0) }
        do {
            if let filter { try request.setFilter(filter) }
        } catch {
            throw ValidationError(error.detail)
        }
        return request
    }

    func run() throws {
        let request = try request()
        let connection = try Connection.toAgent()
        let capture = PortCapture(connection: connection, request: request)
        let output = try open()
        if file == "-" { connection.onHangUp(of: output, endUnread) }
        let summary = try capture.run(endedBy: [SIGINT, SIGTERM]) {
            // Only now, since the agent may refuse; a pipe has no length.
            if file != "-" { _ = ftruncate(output, 0) }
            tell("capturing \(name); Ctrl-C ends it\n")
        } output: { bytes in
            write(bytes, to: output)
        }
        tell(summary + "\n")
    }

    private func open() throws(ClientError) -> Int32 {
        guard file != "-" else { return STDOUT_FILENO }
        let descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .refused("cannot write \(file): \(String(cString: strerror(errno)))") }
        return descriptor
    }
}
