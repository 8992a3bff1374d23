import TestSupport
import Wire

// Random expressions, and their spelling.
extension PlainExpression {
    static func random(depth: Int, using generator: inout SeededGenerator) -> PlainExpression {
        if depth > 0, Int.random(in: 0..<3, using: &generator) > 0 {
            let operands = (0..<Int.random(in: 2...3, using: &generator)).map { _ in
                random(depth: depth - 1, using: &generator)
            }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: return .not(operands[0])
            case 1: return .all(operands)
            default: return .any(operands)
            }
        }
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: return .constant(Bool.random(using: &generator))
        case 1, 2:
            let names = plainPredicates.keys.sorted()
            return .predicate(names[Int.random(in: 0..<names.count, using: &generator)])
        case 3: return .bit("eth.dst", PlainFrame.pick([0, 40, 47], &generator))
        case 4:
            let names = PlainFrame.names.map { "\"\($0)\"" } + ["\"\"", "@web", "@none"]
            return .port(
                PlainFrame.pick(["inport", "outport"], &generator),
                PlainFrame.pick(["==", "!="], &generator),
                (0..<Int.random(in: 1...2, using: &generator)).map { _ in PlainFrame.pick(names, &generator) }
            )
        case 5:
            let field = PlainFrame.pick(fields.filter { !$0.isNominal }, &generator)
            let ends = [
                value(for: field.name, field.width, &generator), value(for: field.name, field.width, &generator),
            ]
            return .range(
                field.name,
                low: min(ends[0], ends[1]),
                lowIncluded: Bool.random(using: &generator),
                high: max(ends[0], ends[1]),
                highIncluded: Bool.random(using: &generator)
            )
        default: return comparison(using: &generator)
        }
    }

    private static func comparison(using generator: inout SeededGenerator) -> PlainExpression {
        let field = PlainFrame.pick(fields, &generator)
        let isMirrored = Bool.random(using: &generator)
        if !field.isNominal, field.width > 1, Bool.random(using: &generator) {
            let low = Int.random(in: 0..<field.width, using: &generator)
            let range = low...Int.random(in: low..<field.width, using: &generator)
            let whole = value(for: field.name, field.width, &generator)
            let bits = whole >> UInt128(low) & (range.count == 128 ? .max : 1 << UInt128(range.count) - 1)
            let sign = PlainFrame.pick(["==", "!=", "<", "<=", ">", ">="], &generator)
            return .comparison(field.name, range, sign, [.value(bits, mask: nil)], isMirrored: isMirrored)
        }
        var constants: [Constant] = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let value = value(for: field.name, field.width, &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0 where [32, 48, 128].contains(field.width):
                constants.append(.set(PlainFrame.pick(["office", "one", "cards", "nobody"], &generator)))
            case 1 where !field.isNominal:
                let mask = UInt128.random(in: 0...(.max), using: &generator) >> UInt128(128 - field.width)
                constants.append(.value(value & mask, mask: mask))
            default: constants.append(.value(value, mask: nil))
            }
        }
        let sign = PlainFrame.pick(["==", "!="], &generator)
        return .comparison(field.name, nil, sign, constants, isMirrored: isMirrored)
    }

    /// Mostly one that frames have.
    private static func value(for field: String, _ width: Int, _ generator: inout SeededGenerator) -> UInt128 {
        let pool: [UInt128]
        switch width {
        case 48: pool = PlainFrame.macs
        case 32: pool = PlainFrame.ipv4
        case 128: pool = PlainFrame.ipv6
        default:
            switch field {
            case "eth.type": pool = [0x800, 0x86dd, 0x806, 0x8035, 0x5ff, 0x88cc]
            case "ip.proto": pool = [6, 17, 132, 58, 1, 2, 47]
            case "ip.ttl": pool = [1, 64, 255]
            case "icmp6.type": pool = [128, 130, 133, 134, 135, 136, 143]
            case "tcp.flags": pool = [2, 0x12, 0x102, 0]
            case "vlan.tci": pool = [0x1000, 0, 0x1005]
            default: pool = width == 16 ? PlainFrame.ports : [0, 1, 2, 3]
            }
        }
        return PlainFrame.pick(pool, &generator)
    }

    /// The text of the whole.
    func text(using generator: inout SeededGenerator) -> String {
        let blank = ["", " ", "\n\t", "/* and * so on */", "// to the end\n"]
        func gap() -> String { PlainFrame.pick(blank, &generator) }
        switch self {
        case .constant(let value): return value ? "1" : "0"
        case .predicate(let name):
            return PlainFrame.pick([name, "\(name) == 1", "1 ==\(gap())\(name)", "\(name) != 0"], &generator)
        case .bit(let field, let bit): return bit == 40 ? "eth.mcast" : "\(field)[\(gap())\(bit)]"
        case .comparison(let field, let range, let sign, let constants, let isMirrored):
            let texts = constants.map { Self.text($0, range?.count ?? Self.width(of: field), &generator) }
            let isSet = constants.count > 1 || (["==", "!="].contains(sign) && Bool.random(using: &generator))
            let separator = PlainFrame.pick([", ", " ", ","], &generator)
            let right = isSet ? "{\(texts.joined(separator: separator))}" : texts[0]
            let left = range.map { "\(field)[\($0.lowerBound)..\($0.upperBound)]" } ?? field
            guard isMirrored else { return "\(left)\(gap())\(sign)\(gap())\(right)" }
            let mirrored = ["<": ">", ">": "<", "<=": ">=", ">=": "<="][sign] ?? sign
            return "\(right) \(mirrored)\(gap())\(left)"
        case .range(let field, let low, let lowIncluded, let high, let highIncluded):
            let texts = [low, high].map { Self.text(.value($0, mask: nil), Self.width(of: field), &generator) }
            guard Bool.random(using: &generator) else {
                return "\(texts[1]) >\(highIncluded ? "=" : "") \(field) >\(lowIncluded ? "=" : "") \(texts[0])"
            }
            return "\(texts[0]) <\(lowIncluded ? "=" : "") \(field) <\(highIncluded ? "=" : "") \(texts[1])"
        case .port(let side, let sign, let names):
            return "\(side) \(sign) " + (names.count > 1 ? "{\(names.joined(separator: gap() + ","))}" : names[0])
        case .not(let operand):
            let text = operand.text(using: &generator)
            if case .predicate(let name) = operand, Bool.random(using: &generator) { return "!\(gap())\(name)" }
            return "!(\(text))"
        case .all(let operands): return Self.joined(operands, " && ", &generator)
        case .any(let operands): return Self.joined(operands, "||", &generator)
        }
    }

    private static func joined(
        _ operands: [PlainExpression],
        _ separator: String,
        _ generator: inout SeededGenerator
    ) -> String {
        var texts: [String] = []
        for operand in operands {
            let text = operand.text(using: &generator)
            switch operand {
            case .all, .any: texts.append("(\(text))")
            default: texts.append(text)
            }
        }
        return texts.joined(separator: separator)
    }

    private static func text(_ constant: Constant, _ width: Int, _ generator: inout SeededGenerator) -> String {
        switch constant {
        case .set(let name): return "$\(name)"
        case .value(let value, let mask):
            let integer = Bool.random(using: &generator)
            func spelled(_ value: UInt128) -> String {
                if !integer {
                    switch width {
                    case 32: return IPv4Address(UInt32(value)).description
                    case 48: return MACAddress(truncating: UInt64(value)).description
                    case 128:
                        return IPv6Address(high: UInt64(value >> 64), low: UInt64(truncatingIfNeeded: value))
                            .description
                    default: return String(value)
                    }
                }
                return "0x" + String(value, radix: 16)
            }
            return spelled(value) + (mask.map { "/" + spelled($0) } ?? "")
        }
    }
}
