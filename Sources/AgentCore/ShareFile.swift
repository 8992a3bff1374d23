import JSON
import Southbound
import Wire

/// The encoding of the share's file: a first line, then one line for some changes of records each.
///
///     heddle-share 2 CHASSIS
///     CHECKSUM {"changes":[…]}
///     CHECKSUM {"changes":[…],"mark":{…}}
///     CHECKSUM {"changes":[…],"mark":{…}}
///
/// Lines up to the first with a mark are the share when the file was begun; each further mark is a later state. So a
/// change costs what it changes. A checksum is over all lines so far: the file ends at the last mark before whatever is
/// cut, torn or changed.
public struct ShareFile: Sendable {
    static let kind = "share"
    static let format = 2
    /// Changes on a line: some hundred KiB, so that no large text is made to be written or read.
    static let changesPerLineMaximum = 256
    /// The bytes by which later lines may exceed those that the file was begun with: a file has at most this much and
    /// twice the share, and beginning it anew costs each change a fixed part.
    static let appendedByteCountMaximum = 1 << 20

    private let chassis: String
    private var checksum = StateFile.Checksum()
    private var begunByteCount = 0
    private var appendedByteCount = 0

    /// The file of a chassis, of which nothing is written yet.
    public init(chassis: String) { self.chassis = chassis }

    /// True if the file is to be begun anew.
    public var isFull: Bool { appendedByteCount > begunByteCount + Self.appendedByteCountMaximum }

    /// Writes a save in pieces: a whole share as a new file, else lines for the end of the present one.
    /// - Parameter innerMTU: the inner MTU that the forwarder has been told.
    public mutating func write<Failure: Error>(
        _ save: ShareSave,
        innerMTU: Int,
        to write: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        switch save {
        case .whole(let share):
            self = ShareFile(chassis: chassis)
            try write(Array("heddle-\(Self.kind) \(Self.format) \(chassis)\n".utf8))
            let changes = share.sortedRecords.map { RecordChange.put($0) }
            begunByteCount = try self.write(changes, share.mark, innerMTU, to: write)
        case .changes(let changes, let mark):
            appendedByteCount += try self.write(changes, mark, innerMTU, to: write)
        }
    }

    /// - Returns: the number of bytes written.
    private mutating func write<Failure: Error>(
        _ changes: [RecordChange],
        _ mark: ShareMark,
        _ innerMTU: Int,
        to write: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        var count = 0
        var rest = changes[...]
        repeat {
            let some = rest.prefix(Self.changesPerLineMaximum)
            rest = rest.dropFirst(some.count)
            var text = Array("{\"changes\":[".utf8)
            text += FeedChange.text(some.map { FeedChange(revision: mark.revision, change: $0) })
            text += "]".utf8
            if rest.isEmpty { text += ",\"mark\":\(mark.json(innerMTU: innerMTU).text)".utf8 }
            text += "}\n".utf8
            checksum.add(text)
            let line = Array("\(checksum.text) ".utf8) + text
            try write(line)
            count += line.count
        } while !rest.isEmpty
        return count
    }
}

// Reading

/// A share as it was kept.
public struct StoredShare: Hashable, Sendable {
    public var share: Share
    /// The inner MTU that the forwarder had been told.
    public var innerMTU: Int
    /// True if what follows in the file is cut or changed.
    public var isCut = false

    /// The share in the file of a chassis.
    /// - Throws: ``StateFile/Failure``; the share is then to be asked for anew.
    public init(fileBytes: [UInt8], chassis: String) throws(StateFile.Failure) {
        let (format, owner, first) = try StateFile.head(kind: ShareFile.kind, fileBytes)
        switch format {
        case "1":
            try self.init(content: StateFile.open(kind: ShareFile.kind, format: 1, fileBytes), chassis: chassis)
        case "\(ShareFile.format)":
            guard owner == chassis else { throw .content("belongs to chassis \(owner)") }
            try self.init(lines: fileBytes[first...])
        default: throw .format(format)
        }
    }

    /// Reads as many lines as are whole, up to the last mark.
    private init(lines: ArraySlice<UInt8>) throws(StateFile.Failure) {
        var rest = lines
        var checksum = StateFile.Checksum()
        var changes: [RecordChange] = []
        var found: (share: Share, mark: JSONValue)?
        while let line = Self.nextLine(of: &rest, &checksum) {
            guard let json = try? JSONParser.parse(line), let elements = json["changes"]?.arrayValue else {
                throw .content("has a line without \"changes\"")
            }
            for element in elements {
                do throws(FeedError) {
                    guard let change = try FeedChange(json: element) else {
                        throw FeedError("a change of an unknown kind")
                    }
                    changes.append(change.change)
                } catch {
                    throw .content("has \(error)")
                }
            }
            guard let mark = json["mark"] else { continue }
            var share = found?.share ?? Share()
            // Not two references, or each line would copy all.
            found = nil
            guard share.apply(changes, markedBy: mark) else { throw .content("has a mark that cannot be read") }
            found = (share, mark)
            changes = []
        }
        guard let found, let innerMTU = found.mark["inner_mtu"]?.integerValue.flatMap({ Int(exactly: $0) }) else {
            throw .checksum
        }
        share = found.share
        self.innerMTU = innerMTU
        isCut = !rest.isEmpty || !changes.isEmpty
    }

    /// Takes a line off the rest; `nil` if it is not whole.
    private static func nextLine(of rest: inout ArraySlice<UInt8>, _ checksum: inout StateFile.Checksum) -> [UInt8]? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = rest[...end]
        var next = checksum
        let text = line.dropFirst(StateFile.Checksum.digitCount + 1)
        next.add(text)
        guard line.starts(with: "\(next.text) ".utf8) else { return nil }
        rest = rest[(end + 1)...]
        checksum = next
        return Array(text)
    }

    /// Reads the content of the first format, which had all in one text.
    private init(content: ArraySlice<UInt8>, chassis: String) throws(StateFile.Failure) {
        guard let json = try? JSONParser.parse(Array(content)) else { throw .content("is not JSON") }
        guard json["chassis"]?.stringValue == chassis else {
            throw .content("belongs to chassis \(json["chassis"]?.stringValue ?? "without a name")")
        }
        var changes: [RecordChange] = []
        for element in json["records"]?.arrayValue ?? [] {
            guard let kind = element["kind"]?.stringValue, let object = element["object"] else {
                throw .content("has a record without kind or object")
            }
            do throws(RecordError) {
                changes.append(.put(try Record(kind: kind, json: object)))
            } catch {
                throw .content("has an invalid record: \(error)")
            }
        }
        var share = Share()
        guard json["records"] != nil, share.apply(changes, markedBy: json),
            let innerMTU = json["inner_mtu"]?.integerValue.flatMap({ Int(exactly: $0) })
        else { throw .content("lacks \"epoch\", \"revision\", \"records\" or \"inner_mtu\"") }
        self.share = share
        self.innerMTU = innerMTU
    }
}

extension ShareMark {
    fileprivate func json(innerMTU: Int) -> JSONValue {
        [
            "inner_mtu": .integer(Int64(innerMTU)), "epoch": .string(hexadecimal(epoch)), "revision": number(revision),
            "hash": hash.map { .string(hexadecimal($0)) } ?? .null, "held": .bool(isHeld),
            "former_epochs": .array(formerEpochs.map { .string(hexadecimal($0)) }),
            "features": .array(features.map { .string($0) }),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let epoch = json["epoch"]?.stringValue.flatMap(epochValue), let revision = unsigned(json["revision"])
        else {
            return nil
        }
        self.init(
            epoch: epoch,
            revision: revision,
            // Central is asked without evidence if there is none.
            hash: json["hash"]?.stringValue.flatMap(epochValue),
            isHeld: json["held"]?.boolValue ?? false,
            formerEpochs: (json["former_epochs"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(epochValue) },
            // An older version named none.
            features: (json["features"]?.arrayValue ?? []).compactMap(\.stringValue)
        )
    }
}

extension Share {
    /// Makes the share the one of a stored mark; `false` if that cannot be read.
    fileprivate mutating func apply(_ changes: [RecordChange], markedBy json: JSONValue) -> Bool {
        guard let mark = ShareMark(json: json), takes(changes) else { return false }
        apply(changes, mark)
        return true
    }
}
