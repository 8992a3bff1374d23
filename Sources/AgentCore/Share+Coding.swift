import JSON
import Southbound
import Wire

extension Share {
    private static let kind = "share"
    private static let format = 1

    /// The bytes of the share file of a chassis, whose forwarder has been told this inner MTU.
    public func fileBytes(chassis: String, innerMTU: Int) -> [UInt8] {
        var records: [JSONValue] = []
        records.reserveCapacity(self.records.count)
        for record in sortedRecords {
            records.append(["kind": .string(record.key.kind.rawValue), "object": record.json])
        }
        var content: JSONValue = [
            "chassis": .string(chassis), "inner_mtu": .integer(Int64(innerMTU)), "epoch": .string(hexadecimal(epoch)),
            "revision": number(revision), "hash": hash.map { .string(hexadecimal($0)) } ?? .null,
            "features": .array(features.map { .string($0) }),
            "records": .array(records),
        ]
        if isHeld { content = content.merged(with: ["held": true]) }
        if !formerEpochs.isEmpty {
            content = content.merged(with: ["former_epochs": .array(formerEpochs.map { .string(hexadecimal($0)) })])
        }
        return StateFile.seal(kind: Self.kind, format: Self.format, content.bytes + [UInt8(ascii: "\n")])
    }

    /// The share in a share file of a chassis, and the inner MTU of that time.
    /// - Throws: ``StateFile/Failure``; the share is then to be asked for anew.
    public static func read(
        _ fileBytes: [UInt8],
        chassis: String
    ) throws(StateFile.Failure) -> (share: Share, innerMTU: Int) {
        let content = try StateFile.open(kind: Self.kind, format: Self.format, fileBytes)
        guard let json = try? JSONParser.parse(Array(content)) else { throw .content("is not JSON") }
        guard json["chassis"]?.stringValue == chassis else {
            throw .content("belongs to chassis \(json["chassis"]?.stringValue ?? "without a name")")
        }
        guard let epoch = json["epoch"]?.stringValue.flatMap(epochValue),
            let revision = unsigned(json["revision"]), let elements = json["records"]?.arrayValue,
            let innerMTU = json["inner_mtu"]?.integerValue.flatMap({ Int(exactly: $0) })
        else { throw .content("lacks \"epoch\", \"revision\", \"records\" or \"inner_mtu\"") }
        var records: [Record] = []
        records.reserveCapacity(elements.count)
        for element in elements {
            guard let kind = element["kind"]?.stringValue, let object = element["object"] else {
                throw .content("has a record without kind or object")
            }
            do {
                records.append(try Record(kind: kind, json: object))
            } catch {
                throw .content("has an invalid record: \(error)")
            }
        }
        // A share of an older version has none: central is then asked without evidence.
        let hash = json["hash"]?.stringValue.flatMap(epochValue)
        let share = Share(
            epoch: epoch,
            revision: revision,
            hash: hash,
            isHeld: json["held"]?.boolValue ?? false,
            formerEpochs: (json["former_epochs"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(epochValue) },
            // An older version named none.
            features: (json["features"]?.arrayValue ?? []).compactMap(\.stringValue),
            records: records
        )
        return (share, innerMTU)
    }
}
