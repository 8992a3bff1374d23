import Glibc
import Netdev
import Reactor
import Security
import Wire

extension HostInspection {
    /// The files of an agent that it cannot do without.
    static let stateFiles: Set = ["agent.pid", "chassis_id", "membership.pem", "ports", "share"]
    /// Those of central.
    static let dataFiles: Set = [
        "ca.crt", "ca.key", "central.db", "central.db-shm", "central.db-wal", "central.pid", "generation",
    ]

    /// A directory. `ours` are the files in it that belong to its owner.
    func directory(_ path: String, ours: Set<String>) -> HostFacts.Directory {
        var entry = stat()
        guard stat(path, &entry) == 0 else {
            return HostFacts.Directory(path: path, state: errno == ENOENT ? .missing : .unreadable(errno))
        }
        guard access(path, R_OK | X_OK) == 0 else { return HostFacts.Directory(path: path, state: .unreadable(errno)) }
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return HostFacts.Directory(path: path, state: .unreadable(errno)) }
        let block = UInt64(system.f_frsize)
        return HostFacts.Directory(
            path: path,
            state: .present(
                HostFacts.Directory.Contents(
                    mode: entry.st_mode & 0o7777,
                    freeBytes: UInt64(system.f_bavail) * block,
                    totalBytes: UInt64(system.f_blocks) * block,
                    isReadOnly: system.f_flag & UInt(ST_RDONLY) != 0,
                    strangers: strangers(among: ours, in: path, owner: entry.st_uid),
                    owner: userName(entry.st_uid)
                )
            )
        )
    }

    /// Returns a file that belongs to another user than its directory, whose owner could not write it.
    private func strangers(among names: Set<String>, in path: String, owner: uid_t) -> [String] {
        names.sorted { $0.utf8Precedes($1) }.filter { name in
            var status = stat()
            return lstat("\(path)/\(name)", &status) == 0 && status.st_uid != owner
        }
    }

    private func userName(_ number: uid_t) -> String {
        getpwuid(number).map { String(cString: $0.pointee.pw_name) } ?? "\(number)"
    }

    func store(of central: RunningProcess?) -> HostFacts.Store {
        let path = dataDirectory + "/central.db"
        guard let descriptor = try? Descriptor.open(path, flags: O_RDONLY) else { return .unseen }
        var head = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor.raw, &head, head.count, 0)
        // An empty file is a database that nothing has been written to (the file format of SQLite, section 1.3).
        guard count == 0 || head.elementsEqual("SQLite format 3\0".utf8) else { return .damaged }
        guard central == nil, let holder = lockHolder(of: descriptor) else { return .whole }
        return .locked(by: holder)
    }

    /// The process that has a lock on a file (proc(5), /proc/locks).
    private func lockHolder(of descriptor: Descriptor) -> Int32? {
        var entry = stat()
        guard fstat(descriptor.raw, &entry) == 0, let bytes = try? readFile("/proc/locks", maximum: 1 << 20) else {
            return nil
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 6, words[5].hasSuffix(":\(entry.st_ino)") else { continue }
            if let process = Int32(words[4]), process > 0 { return process }
        }
        return nil
    }

    /// The first certificate of a file; `nil` if there is none that we may read.
    func certificate(at path: String) -> HostFacts.KeptCertificate? {
        guard let bytes = try? readFile(path, maximum: 1 << 20) else { return nil }
        let validity = (try? Certificate.list(pem: bytes))?.first.map { certificate in
            certificate.notBefore...max(certificate.notBefore, certificate.notAfter)
        }
        return HostFacts.KeptCertificate(path: path, validity: validity)
    }

    /// True if two processes run different files, or one of them a file that has been replaced.
    func runOtherPrograms(_ left: Int32, _ right: Int32) -> Bool? {
        guard access("/proc/\(left)/exe", F_OK) == 0, access("/proc/\(right)/exe", F_OK) == 0 else { return nil }
        return !isSameFile("/proc/\(left)/exe", "/proc/\(right)/exe")
    }

    func isSameFile(_ left: String, _ right: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard stat(left, &first) == 0, stat(right, &second) == 0 else { return true }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    func isTaken(_ port: UInt16, at address: IPAddress) -> Bool {
        do throws(SystemError) {
            _ = try UDPSocket(boundTo: .ip(address, port: port))
            return false
        } catch {
            return error.errno == EADDRINUSE
        }
    }

    /// True if systemd runs here and has our units.
    var hasUnits: Bool {
        access("/run/systemd/system", F_OK) == 0
            && ["/etc", "/usr/lib", "/lib"].contains { access("\($0)/systemd/system/heddle-agent.service", F_OK) == 0 }
    }

    /// The key of central's authority, if only its certificate is left.
    var missingKey: String? {
        let key = dataDirectory + "/ca.key"
        guard access(dataDirectory + "/ca.crt", F_OK) == 0, access(key, F_OK) != 0, errno == ENOENT else { return nil }
        return key
    }

    /// True if this user and the agent's can make TAPs. Containers may keep the device to root; on hosts udev gives it
    /// to everybody.
    func tunDevice(of agent: RunningProcess?) -> HostFacts.TunDevice {
        let path = "/dev/net/tun"
        do throws(SystemError) {
            _ = try Descriptor.open(path, flags: O_RDWR)
        } catch {
            return .unusable(error.errno)
        }
        var (device, folder) = (stat(), stat())
        // A service may see other devices than its host.
        let seen = agent.map { "/proc/\($0.number)/root\(path)" } ?? path
        guard stat(seen, &device) == 0 || stat(path, &device) == 0 else { return .unusable(errno) }
        let owner = stat(stateDirectory, &folder) == 0 ? folder.st_uid : nil
        guard let user = agent?.user ?? owner else { return .usable }
        let mayOpen =
            user == 0 || device.st_mode & 0o006 == 0o006
            || device.st_uid == user && device.st_mode & 0o600 == 0o600
            || device.st_mode & 0o060 == 0o060 && getpwuid(user)?.pointee.pw_gid == device.st_gid
        return mayOpen ? .usable : .closed(to: userName(user))
    }
}
