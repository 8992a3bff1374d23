import ArgumentParser
import Central
import Client

/// `heddle central restore`: puts a backup in the place of a central's state.
struct CentralRestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the place of central's log and authority.",
        discussion: """
            Central must not run. FILE is verified as a whole before anything changes. The existing files are kept \
            beside it, under names that end with .before- and the time. The log goes on under a new epoch, so that \
            every host and every watcher fetches everything again: changes after the backup are undone on the hosts, \
            too. A host that would lose plugged ports, or more than half of the ports that it knows, holds the \
            network back, reports that in 'heddle get chassis' and waits for 'heddle agent accept'; --force-hosts \
            avoids that.

            EXAMPLES:
              systemctl stop heddle-central
              heddle central restore /var/backups/heddle-2026-11-29
              systemctl start heddle-central
            """
    )

    @Argument(help: "The file that 'heddle central backup' made.", completion: .file())
    var file: String

    @Flag(help: "Let hosts use it whatever it takes from them, without 'heddle agent accept'.")
    var forceHosts = false

    @Option(help: ArgumentHelp("Central's data directory; made if missing.", valueName: "dir"))
    var dataDir: String?

    // Its option of this name is the one that gets the word.
    @ParentCommand var central: CentralCommand

    func run() throws {
        do throws(CentralError) {
            let directory = dataDir ?? central.dataDir
            let summary = try CentralBackup.restore(file, to: directory, forcesHosts: forceHosts)
            let forced = forceHosts ? ", which hosts use whatever it takes from them" : ""
            put("\(directory): revision \(summary.revision), a new epoch\(forced)\n")
            for name in summary.kept { put("kept: \(name)\n") }
        } catch {
            throw ClientError.refused(error.description)
        }
    }
}
