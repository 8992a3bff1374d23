import Wire

/// The order that a list is asked for in.
public struct ListOrder: Equatable, Sendable {
    /// The facts that objects are put in order by.
    public enum Field: String, Sendable, CaseIterable {
        case name
        /// The commit that made the object, by its time and revision; of one commit, the name.
        case created
        /// The last commit that changed the object, if only by what the server knows; of one commit, the name.
        case revision
    }

    public var field = Field.name
    public var isDescending = false
    /// The most objects that are asked for.
    public var countMaximum = 0

    public init(_ field: Field = .name, isDescending: Bool = false, countMaximum: Int = 0) {
        self.field = field
        self.isDescending = isDescending
        self.countMaximum = countMaximum
    }

    /// The order of a text such as `name`, or `-created` for the newest first.
    public init?(_ text: String, countMaximum: Int) {
        let isDescending = text.first == "-"
        guard let field = Field(rawValue: isDescending ? String(text.dropFirst()) : text) else { return nil }
        self.init(field, isDescending: isDescending, countMaximum: countMaximum)
    }

    /// True if it is the order that objects are kept in.
    var isByName: Bool { field == .name && !isDescending }

    /// The texts that stand for orders, for messages.
    public static let forms = Field.allCases.flatMap { [$0.rawValue, "-" + $0.rawValue] }
}

/// The place of an object in a list. Objects of one commit are in the order of their names.
private struct OrderKey: Comparable {
    /// Seconds since 1970, or a revision; 0 if the name decides.
    var number: UInt64 = 0
    /// The revision that made an object in that second, with which its identity begins.
    var commit: UInt64 = 0
    var name = ""

    init<Object: Kind>(_ stored: Stored<Object>, _ field: ListOrder.Field) {
        name = stored.value.name
        switch field {
        case .name: break
        case .created: (number, commit) = (UInt64(clamping: stored.createdAt), stored.id.high >> 16)
        case .revision: number = stored.revision
        }
    }

    init?(_ text: String, _ field: ListOrder.Field) {
        guard field != .name else {
            name = text
            return
        }
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let number = UInt64(parts[0]), let commit = UInt64(parts[1]) else { return nil }
        (self.number, self.commit, name) = (number, commit, String(parts[2]))
    }

    func text(_ field: ListOrder.Field) -> String { field == .name ? name : "\(number).\(commit).\(name)" }

    static func < (left: OrderKey, right: OrderKey) -> Bool {
        (left.number, left.commit, left.name) < (right.number, right.commit, right.name)
    }
}

/// Finds the objects of a page in an order that no map has: one walk over all that may be chosen keeps those that come
/// first after a place. So an order costs writes nothing, and a page as much time as a filter that finds nothing.
private final class PageSelection<Object: Kind> {
    private let choice: ObjectChoice<Object>
    private let order: ListOrder
    private let cursor: ChoiceCursor
    private var after: OrderKey?
    private var hasWalked = false
    /// A heap whose first is the last of the kept; once all have been walked over, those that are left of it.
    private var heap: [Entry] = []
    /// The page from its end.
    private var page: [Entry] = []

    private struct Entry {
        var key: OrderKey
        var id: ObjectID
    }

    init(_ choice: ObjectChoice<Object>, _ order: ListOrder) {
        self.choice = choice
        self.order = order
        cursor = ChoiceCursor(choice)
    }

    private func precedes(_ left: OrderKey, _ right: OrderKey) -> Bool {
        order.isDescending ? right < left : left < right
    }

    func walk(_ text: String?, _ work: inout Int, _ take: Listing.Visitor) -> Listing.WalkEnd {
        if !hasWalked {
            after = after ?? text.flatMap { OrderKey($0, order.field) }
            guard select(&work) else { return .spent(at: text) }
        }
        while let last = heap.first {
            work -= 1
            guard work > 0 else { return .spent(at: text) }
            page.append(last)
            removeFirst()
        }
        while let next = page.last {
            work -= 1
            guard let stored = choice.table[next.id] else { return .end }
            guard let cost = take({ next.key.text(order.field) }, stored.bytes) else { return .stopped }
            page.removeLast()
            work -= cost
            guard work > 0 else { return .spent(at: next.key.text(order.field)) }
        }
        return .end
    }

    /// Looks at the next objects.
    /// - Returns: True if there are no more.
    private func select(_ work: inout Int) -> Bool {
        while work > 0 {
            work -= choice.weight
            guard let id = cursor.next() else {
                hasWalked = true
                return true
            }
            guard let stored = choice.object(id) else { continue }
            let key = OrderKey(stored, order.field)
            if let after, !precedes(after, key) { continue }
            keep(Entry(key: key, id: id))
        }
        return false
    }

    private func keep(_ entry: Entry) {
        guard heap.count == order.countMaximum else {
            heap.append(entry)
            rise()
            return
        }
        guard let last = heap.first, precedes(entry.key, last.key) else { return }
        heap[0] = entry
        sink()
    }

    private func removeFirst() {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
        sink()
    }

    /// Moves the last of the heap up to its place.
    private func rise() {
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard precedes(heap[parent].key, heap[place].key) else { return }
            heap.swapAt(parent, place)
            place = parent
        }
    }

    /// Moves the first of the heap down to its place.
    private func sink() {
        var place = 0
        while true {
            var largest = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if precedes(heap[largest].key, heap[child].key) { largest = child }
            }
            guard largest != place else { return }
            heap.swapAt(largest, place)
            place = largest
        }
    }
}

extension Listing {
    /// Objects in an order that no map has.
    init<Object: Kind>(of choice: ObjectChoice<Object>, _ order: ListOrder) {
        let selection = PageSelection(choice, order)
        self.init(isKey: { OrderKey($0, order.field) != nil }, walk: selection.walk)
    }
}
