import TestSupport
import Testing

@testable import Reactor

@Suite struct RegistrationTableTests {
    @Test func `A name of an entry that was removed finds nothing, also when its place is taken`() {
        var table = RegistrationTable()
        let old = table.insert(descriptor: 3, interest: .readable) { _ in }
        #expect(table.remove(old)?.descriptor == 3)
        #expect(table[old] == nil && table.remove(old) == nil)
        let new = table.insert(descriptor: 4, interest: .readable) { _ in }
        #expect(new & 0xffff_ffff == old & 0xffff_ffff && new != old)
        table.update(old, interest: .writable, isArmed: false)
        #expect(table[old] == nil && table[new]?.descriptor == 4 && table[new]?.interest == .readable)
        #expect(table[new + 1] == nil)
    }

    @Test(arguments: 0..<4) func `Random edits agree with a dictionary`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var table = RegistrationTable()
        var model: [RegistrationTable.Key: Int32] = [:]
        var removed: [RegistrationTable.Key] = []
        for number in 0..<Int32(2000) {
            if Bool.random(using: &generator) || model.isEmpty {
                let key = table.insert(descriptor: number, interest: []) { _ in }
                #expect(model.updateValue(number, forKey: key) == nil)
            } else if let key = model.keys.sorted().randomElement(using: &generator) {
                #expect(table.remove(key)?.descriptor == model.removeValue(forKey: key))
                removed.append(key)
            }
        }
        #expect(table.count == model.count)
        for (key, descriptor) in model { #expect(table[key]?.descriptor == descriptor) }
        for key in removed { #expect(table[key] == nil) }
    }
}
