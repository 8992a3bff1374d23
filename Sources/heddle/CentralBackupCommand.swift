import ArgumentParser
import Central
import Client
import Glibc

/// `heddle central backup`: saves a central's whole state in a file.
struct CentralBackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Save the log and the authority in one file.",
        discussion: """
            Central may run and take writes meanwhile, or not run at all; the file contains one revision. It is made \
            as FILE.tmp, verified, and renamed when it is complete: if it was interrupted, start again. It holds \
            central's key (ca.key): keep it where nobody else can read it. Run it on central's host, as root or as \
            the user that central runs as.

            EXAMPLES:
              heddle central backup /var/backups/heddle-$(date +%F)
            """
    )

    @Argument(help: "The file to make.", completion: .file())
    var file: String

    @Option(
        help: ArgumentHelp(
            "Central's data directory (default: \(CentralCommand.defaultDataDirectory)).",
            valueName: "dir"
        )
    )
    var dataDir: String?

    // Its option of this name is the one that gets the word.
    @ParentCommand var central: CentralCommand

    @Flag(help: "Replace FILE if it is there already.")
    var force = false

    func run() throws {
        let isWatched = isatty(STDERR_FILENO) == 1
        var shown = -1
        do throws(CentralError) {
            let summary = try CentralBackup.save(dataDir ?? central.dataDir, to: file, replaces: force) { share in
                let percent = Int(share * 100)
                guard isWatched, percent != shown else { return }
                shown = percent
                tell("\r\(percent) %")
            }
            if isWatched, shown >= 0 { tell("\r\u{1b}[K") }
            put("\(file): revision \(summary.revision), \(summary.byteCount) bytes, verified\n")
        } catch {
            if isWatched, shown >= 0 { tell("\r\u{1b}[K") }
            throw ClientError.refused(error.description)
        }
    }
}
