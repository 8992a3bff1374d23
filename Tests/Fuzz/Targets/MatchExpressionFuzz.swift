import Match

/// Any text is a match expression or refused with a place in it, and no frame makes it and its opposite true. The frame
/// is what follows the first NUL.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMatchExpression(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let end = bytes.firstIndex(of: 0) ?? bytes.count
    let text = String(decoding: bytes[..<end], as: UTF8.self)
    let frameBytes = Array(bytes[end...].dropFirst())
    let frame = MatchFrame(frameBytes.span)
    let scope = PortNames(inport: "vm1", outport: "vm2")
    do {
        let expression = try MatchExpression(text)
        let isTrue = expression.matches(frame, in: scope)
        if let opposite = try? MatchExpression("!(" + text + "\n)") {
            precondition(!isTrue || !opposite.matches(frame, in: scope))
        }
    } catch {
        precondition((0...text.utf8.count).contains(error.offset))
    }
    return 0
}

/// Turns the search for leaks off (LeakSanitizer's hook): the table of symbols lives as long as the program, but Swift
/// keeps the cases of its terms in unused bits of pointers, which the search then does not take for pointers.
@_cdecl("__lsan_is_turned_off")
public func leakSearchIsTurnedOff() -> CInt { 1 }
