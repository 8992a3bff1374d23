import AgentCore
import ForwarderProtocol
import Glibc
import Reactor
import Security
import Wire

/// The directory of an agent's state and sockets. One agent has it at a time.
final class StateDirectory: Sendable {
    /// The largest state file that is read: a share of some hundred thousand records.
    static let fileByteCountMaximum = 512 << 20

    let path: String
    private let lock: FileLock

    /// Makes the directory if it is missing and takes it.
    /// - Parameter forwarderDirectory: where a forwarder that others start has its socket; a link in this directory
    ///   leads there from now on, so that a relative path is one from here. `nil` leaves the link, or the directory in
    ///   its place, as it is.
    init(path: String, forwarderDirectory: String? = nil) throws(AgentFailure) {
        self.path = path
        do throws(SystemError) {
            try makeDirectory(path, mode: 0o700)
        } catch {
            throw AgentFailure("cannot make the state directory \(path): \(error); run as root or give --state-dir")
        }
        do throws(FileLock.Failure) {
            lock = try FileLock(path: "\(path)/agent.pid")
        } catch {
            switch error {
            case .held(let process):
                let holder = process.map { "process \($0)" } ?? "another process"
                throw AgentFailure(
                    "\(holder) is the agent of \(path); stop it first, or give another --state-dir"
                )
            case .system(let error):
                throw AgentFailure("cannot use the state directory \(path): \(error)")
            }
        }
        if let forwarderDirectory { try link(to: forwarderDirectory) }
    }

    private func link(to forwarderDirectory: String) throws(AgentFailure) {
        do throws(SystemError) {
            try makeLink(self.forwarderDirectory, to: forwarderDirectory)
        } catch {
            let remedy = error.errno == EISDIR ? "; end its forwarder by 'heddle agent stop --all' and remove it" : ""
            throw AgentFailure("--forwarder-dir: \(error)\(remedy)")
        }
    }

    /// The socket at which users reach the agent.
    var agentSocket: String { "\(path)/agent.sock" }
    /// The directory of the forwarder's socket, apart from ours and from the chassis' key: a directory, or a link to
    /// one.
    var forwarderDirectory: String { "\(path)/forwarder" }
    var forwarderSocket: String { "\(forwarderDirectory)/forwarder.sock" }
    /// The socket of forwarders of older versions, which may still run when the agent is upgraded.
    var formerForwarderSocket: String { "\(path)/forwarder.sock" }
    private var identityFile: String { "\(path)/chassis_id" }
    private var portsFile: String { "\(path)/ports" }
    var shareFile: String { "\(path)/share" }

    /// The identity of this host's chassis, made at the first start.
    func chassisID() throws(AgentFailure) -> String {
        if let bytes = try read(identityFile) {
            guard let id = ObjectID(String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }) else {
                throw AgentFailure("\(identityFile) holds no identity; restore it, or remove it to join as a new host")
            }
            return id.description
        }
        var generator = SystemRandomNumberGenerator()
        let id = ObjectID(using: &generator).description
        if let failure = save(Array("\(id)\n".utf8), to: identityFile) {
            throw AgentFailure("cannot write the state directory: \(failure)")
        }
        return id
    }

    /// Returns a value that no copy of this directory has: its lock keeps two agents under one kernel from sharing it.
    /// A hash, as central need not know the parts. `nil` if the kernel does not tell.
    func machine() -> String? {
        var status = stat()
        guard let kernel = try? readFile("/proc/sys/kernel/random/boot_id", maximum: 64), stat(path, &status) == 0
        else {
            return nil
        }
        let place = Array(" \(status.st_dev) \(status.st_ino)".utf8)
        return hexadecimal(SHA256.hash([kernel, place]).prefix(Self.machineByteCount))
    }

    /// The bytes of the hash that central is told: enough to make two hosts differ.
    private static let machineByteCount = 16

    /// The ports as they were kept. A file that cannot be used is an error: going on without it would release them.
    ///
    /// Without a file the claims begin at the clock's seconds, so that a lost file repeats no number.
    func ports() throws(AgentFailure) -> StoredPorts {
        guard let bytes = try read(portsFile) else {
            return StoredPorts(lastClaim: UInt64(max(Clock.wallSeconds(), 0)))
        }
        do throws(StateFile.Failure) {
            return try StoredPorts(fileBytes: bytes)
        } catch {
            throw AgentFailure(
                "\(portsFile) cannot be used: \(error); restore it, or remove it and plug the ports again"
            )
        }
    }

    /// The share as it was kept for a chassis, and a warning if not all of its file can be used.
    func share(of chassis: String) throws(AgentFailure) -> (stored: StoredShare?, warning: String?) {
        guard let bytes = try read(shareFile) else { return (nil, nil) }
        do throws(StateFile.Failure) {
            let stored = try StoredShare(fileBytes: bytes, chassis: chassis)
            guard stored.isCut else { return (stored, nil) }
            let revision = stored.share.revision
            return (stored, "\(shareFile) is cut or changed after revision \(revision); going on from there")
        } catch {
            return (nil, "\(shareFile) is not used: \(error); asking central for everything")
        }
    }

    /// Saves the ports; a sentence about why not.
    func save(_ ports: StoredPorts) -> String? { save(ports.fileBytes, to: portsFile) }

    /// Leaves a note for `heddle doctor` about the event that the agent waits for, or removes it. A failure does not
    /// matter: the log has the same.
    func note(_ sentence: String?) {
        let path = "\(path)/agent.end"
        if let sentence {
            _ = save(Array("\(sentence)\n".utf8), to: path)
        } else {
            try? removeFile(path)
        }
    }

    func save(_ bytes: [UInt8], to path: String) -> String? {
        do throws(SystemError) {
            try writeFile(bytes, replacing: path)
            return nil
        } catch {
            return error.description
        }
    }

    func read(_ path: String) throws(AgentFailure) -> [UInt8]? {
        do throws(SystemError) {
            return try readFile(path, maximum: Self.fileByteCountMaximum)
        } catch {
            if error.errno == ENOENT { return nil }
            throw AgentFailure("cannot read \(path): \(error)")
        }
    }
}
