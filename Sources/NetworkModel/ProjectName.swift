/// A name with its project: what names are unique in, and what lists are ordered by.
public struct ProjectName: Hashable, Comparable, Sendable {
    /// The project; `default` is the only one of this version.
    public var project: String
    public var name: String

    public init(_ name: String, project: String = "default") {
        self.project = project
        self.name = name
    }

    /// Orders by project, then by the bytes of the name.
    public static func < (left: ProjectName, right: ProjectName) -> Bool {
        (left.project, left.name) < (right.project, right.name)
    }
}
