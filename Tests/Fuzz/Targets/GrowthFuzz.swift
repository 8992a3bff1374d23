import CentralCore
import Glibc
import JSON
import NetworkModel

/// The work of a request grows with its length and not faster: `PATH\0BEFORE\0UNIT\0BEHIND`, if the unit stands
/// there a thousand and eight thousand times, `#` in it being its number. A body of a port or a switch is patched and
/// replaced.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGrowth(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let parts = bytes.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false).map(Array.init)
    // A long unit says nothing that a short one does not, and takes longer.
    guard parts.count == 4, (1...64).contains(parts[2].count) else { return 0 }
    let isPort = parts[0].first == UInt8(ascii: "p")
    let texts = [1000, 8000].map { count in
        parts[1] + (0..<count).flatMap { number in unit(parts[2], number) } + parts[3]
    }
    // If a run was disturbed, the next ones are not.
    for _ in 0..<5 {
        let times = texts.map { time(of: $0, isPort: isPort) }
        // Eight times would be linear, 64 times quadratic; little work says nothing.
        if times[1] < 30 * max(times[0], 0.002) { return 0 }
    }
    fatalError("the work grows faster than the request")
}

private func unit(_ unit: [UInt8], _ number: Int) -> [UInt8] {
    unit.flatMap { $0 == UInt8(ascii: "#") ? Array(String(number).utf8) : [$0] }
}

/// The processor's time for a request with this body, in seconds.
private func time(of body: [UInt8], isPort: Bool) -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    let start = time
    carryOut(body, isPort: isPort)
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec - start.tv_sec) + Double(time.tv_nsec - start.tv_nsec) * 1e-9
}

private func carryOut(_ text: [UInt8], isPort: Bool) {
    guard let body = try? JSONParser.parse(request: text) else { return }
    var network = Network(epoch: 1)
    var generator = SystemRandomNumberGenerator()
    let kind = isPort ? ResourceKind.logicalSwitchPort : .logicalSwitch
    for operation in [
        Operation(.logicalSwitch, .replace(.name("s"), body: [:])),
        Operation(.logicalSwitchPort, .replace(.name("p"), body: ["switch": "s"])),
        Operation(kind, .replace(.name(isPort ? "p" : "s"), body: body)),
        Operation(kind, .patch(.name(isPort ? "p" : "s"), body: body)),
        Operation(kind, .create(body: body, switch: nil)),
    ] {
        var draft = Transaction(on: network, time: 0)
        if (try? draft.perform(operation, using: &generator)) != nil { network = draft.network }
    }
}
