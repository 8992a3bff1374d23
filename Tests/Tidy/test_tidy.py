"""The checks find what they are made for, and nothing in what is right."""

import os
import tempfile
import unittest

import tidy


def lines(check, text, *more, path="Sources/X/X.swift"):
    return [line for _, line, _ in check(path, text.strip("\n").split("\n"), *more)]


class SizeTest(unittest.TestCase):
    def test_long_files_functions_and_lines_are_found(self):
        body = "    let x = 1\n" * 69
        self.assertEqual(lines(tidy.sizes, f"func f() {{\n{body}}}"), [1])
        self.assertEqual(lines(tidy.sizes, f"func f() {{\n{body[14:]}}}"), [])
        self.assertEqual(lines(tidy.sizes, f"public init(\n    a: Int\n) {{\n{body}}}"), [1])
        self.assertEqual(lines(tidy.sizes, f"int f(int a) {{\n{body}}}", path="x.c"), [1])
        self.assertEqual(lines(tidy.sizes, "//" + "x" * 119), [1])
        self.assertEqual(lines(tidy.sizes, "x\n" * 401), [1])

    def test_a_requirement_of_a_protocol_has_no_length(self):
        self.assertEqual(lines(tidy.sizes, "    func f()\n" + "    var x: Int\n" * 80 + "}"), [])


class DefaultTest(unittest.TestCase):
    own = [{"none", "one", "two"}, {"left", "right"}]

    def found(self, *cases):
        return lines(tidy.defaults, "\n".join(["switch x {", *cases, "}"]), self.own)

    def test_cases_of_one_enumeration_of_our_own_need_no_default(self):
        self.assertEqual(self.found("case .one: 1", "default: 2"), [3])
        self.assertEqual(self.found("case .one, .two where y: 1", "default: 2"), [3])
        self.assertEqual(self.found("case .one(let x)?: 1", "case nil: 2", "case _: 2"), [4])
        self.assertEqual(self.found("case (.one, .left): 1", "case (_, .right): 1", "case (_, _): 2"), [4])
        self.assertEqual(self.found("case .one: 1", "case .two: 2"), [])

    def test_values_that_others_may_add_to_need_one(self):
        self.assertEqual(self.found("case 1: 1", "default: 2"), [])
        self.assertEqual(self.found("case .get: 1", "default: 2"), [])
        self.assertEqual(self.found("case .one: 1", "case .left: 1", "default: 2"), [])
        self.assertEqual(self.found("case (.one, 3): 1", "default: 2"), [])
        self.assertEqual(self.found("case ..<7: 1", "default: 2"), [])

    def test_a_switch_in_a_case_is_looked_at_alone(self):
        self.assertEqual(
            self.found("case .one:", "    switch y {", "    case 1: 1", "    default: 2", "    }", "case .two: 2"), [])

    def test_enumerations_are_read_with_their_cases(self):
        text = "public enum E: Sendable {\n    /// One.\n    case a, b(Int, x: String)\n    case `default`\n}\nenum F {}"
        self.assertEqual(tidy.enumerations([text]), [{"a", "b", "default"}])


class OpeningTest(unittest.TestCase):
    def test_a_comment_begins_with_a_noun_or_a_verb(self):
        self.assertEqual(lines(tidy.openings, "/// Whether it is.\nlet x = 1"), [1])
        self.assertEqual(lines(tidy.openings, "/// True if it is.\n/// What follows is text.\nlet x = 1"), [])
        self.assertEqual(lines(tidy.openings, "/// True if it is.\n///\n/// What follows opens a paragraph."), [3])
        self.assertEqual(lines(tidy.openings, "/// A.\n/// - Parameter x: How many.\n///   - y: Where."), [2, 3])
        self.assertEqual(lines(tidy.openings, "let x = 1  // Where it is."), [1])
        self.assertEqual(lines(tidy.openings, "/// However it is."), [])
        self.assertEqual(lines(tidy.openings, '"""What it is."""\n# Where.\nx = """What"""', path="x.py"), [1, 2])


class CheckoutTest(unittest.TestCase):
    manifest = 'floor("Low", [], pure),\nfloor("High", ["Low"], edge),\nfloor("Side", ["High"], edge),\n'
    drawing = "# A\n\n    heddle (executable)\n    High  Side   edges: of Low\n    Low          pure\n\n[b](#a) [c](#c)\n"

    def test_floors_and_links_are_what_the_documents_say(self):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {
                    "Package.swift": self.manifest, "ARCHITECTURE.md": self.drawing,
                    "docs/d.md": "[up](../ARCHITECTURE.md#a) [gone](gone.md)\n",
                    "Sources/Low/Low.swift": "import High\n", "Sources/High/High.swift": "import Low\n",
                    "Sources/Side/Side.swift": "public import High\n", "Sources/Lost/Lost.swift": ""}.items():
                os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.assertEqual(list(tidy.floors(root)), [
                ("Package.swift", 1, "Sources/Lost is no target"),
                ("Sources/Low/Low.swift", 1, "imports High, which Package.swift does not let Low use"),
                ("Sources/Low/Low.swift", 1, "imports High, which is not on a floor below Low's in ARCHITECTURE.md"),
                ("Sources/Side/Side.swift", 1, "imports High, which is not on a floor below Side's in ARCHITECTURE.md"),
            ])
            self.assertEqual(list(tidy.links(root)), [
                ("ARCHITECTURE.md", 7, "a link to #c: ARCHITECTURE.md has no such heading"),
                ("docs/d.md", 1, "a link to gone.md, which does not exist"),
            ])

    def test_one_name_is_one_type_to_a_file(self):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {
                    "A/A.swift": "public struct Thing {}\nstruct Other {}\n", "B/B.swift": "struct Thing {}\nstruct Other {}\n",
                    "C/C.swift": "import A\nimport B\n", "B/D.swift": "import A\n"}.items():
                os.makedirs(os.path.dirname(os.path.join(root, "Sources", name)), exist_ok=True)
                with open(os.path.join(root, "Sources", name), "w", encoding="utf-8") as file:
                    file.write(text)
            self.assertEqual([(path, line) for path, line, _ in tidy.twins(root)], [("Sources/A/A.swift", 1)])

    def test_members_of_lists_are_in_their_document(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "S"))
            with open(os.path.join(root, "S/R.swift"), "w", encoding="utf-8") as file:
                file.write("enum R {\n    case tooLong\n    case short\n}\n")
            with open(os.path.join(root, "r.md"), "w", encoding="utf-8") as file:
                file.write("| `short` |\n| `gone` |\n")
            found = list(tidy.documented(root, (("S", r"R\.swift", r"^    case (\w+)", "r.md", "snake"),)))
            self.assertEqual(found, [
                ("S/R.swift", 2, "r.md has no row for `too_long`"),
                ("r.md", 2, "`gone` is not in S: take the row out"),
            ])

    def test_drop_reasons_that_no_test_names_are_found(self):
        with tempfile.TemporaryDirectory() as root:
            for folder, text in ("S", "enum R {\n    case tooLong\n    case short\n}\n"), ("Tests", "drops(.short)\n"):
                os.makedirs(os.path.join(root, folder))
                with open(os.path.join(root, folder, "R.swift"), "w", encoding="utf-8") as file:
                    file.write(text)
            found = list(tidy.untested(root, "S", "R.swift"))
            self.assertEqual(found, [("S/R.swift", 2, "no test reaches too_long: write one")])
