"""Rules of the house that a script can hold. Each check yields findings: (path, line, sentence with the remedy)."""

import itertools
import os
import re

FILE_LINES = 400
FUNCTION_LINES = 70
LINE_COLUMNS = 120
SIZED = (".swift", ".c", ".h", ".py", ".js", ".css", ".html")
# The contract's text is long lines of Markdown by nature; corpora and transcripts are data.
# Folders of builds begin with .build, whatever follows.
SKIPPED_FOLDERS = {".git", "Corpus", "Golden", "__pycache__"}


def files(root, *folders, suffixes):
    """The paths below the folders, relative to the root and sorted; links are not followed."""
    for folder in folders:
        for path, names, members in os.walk(os.path.join(root, folder)):
            names[:] = sorted(
                name for name in names if name not in SKIPPED_FOLDERS and not name.startswith(".build"))
            for name in sorted(members):
                whole = os.path.join(path, name)
                if name.endswith(suffixes) and not os.path.islink(whole):
                    yield os.path.relpath(whole, root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


# --- Sizes

FUNCTION = re.compile(r"^( *)(?:@\w+(?:\(.*?\))? |[a-z]+(?:\(set\))? )*(?:func\b|init[?(<]|deinit\b|subscript\b)")


def sizes(path, lines):
    """Lengths of a file and, but for Python, of its lines and functions; the indentation tells where one ends."""
    if len(lines) > FILE_LINES:
        yield path, 1, f"{len(lines)} lines, {FILE_LINES} at most: move one concern to Type+Concern.swift"
    if path.endswith(".py"):
        return
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS:
            yield path, number, f"{len(line)} columns, {LINE_COLUMNS} at most: break the line"
    for first, last in functions(lines) if path.endswith(".swift") else c_functions(lines):
        if last - first + 1 > FUNCTION_LINES:
            yield path, first, f"a function of {last - first + 1} lines, {FUNCTION_LINES} at most: divide it"


def functions(lines):
    for number, line in enumerate(lines, 1):
        found = FUNCTION.match(line)
        if not found:
            continue
        closing = found[1] + "}"
        for end in range(number, len(lines) + 1):
            text = lines[end - 1]
            if end > number and text.startswith(closing) or end == number and text.endswith("}"):
                yield number, end
                break
            if end > number and text.strip() and not text.startswith(found[1]):
                break


def c_functions(lines):
    first = None
    for number, line in enumerate(lines, 1):
        if re.match(r"^[a-z].*\)? *\{$", line) and "(" in line:
            first = number
        elif line == "}" and first:
            yield first, number
            first = None


# --- Exhaustive switches

# RFC 8259 gives JSON these values and no others.
CLOSED = {"JSONValue"}


def enumerations(texts):
    """The names of the cases of each enumeration of our own to which cases may be added."""
    found = []
    for text in texts:
        lines = text.split("\n")
        for number, line in enumerate(lines):
            start = re.match(r"^( *)(?:[a-z]+ |@\w+ )*enum (\w+).*\{$", line)
            if not start or start[2] in CLOSED:
                continue
            cases = set()
            for inner in lines[number + 1:]:
                if inner == start[1] + "}":
                    break
                case = re.match(rf"^{start[1]}    (?:indirect )?case ([\w`].*)$", inner)
                if case:
                    cases.update(re.findall(r"(?:^|, )`?(\w+)`?", re.sub(r"\(.*?\)(?=,|$)", "", case[1])))
            if cases:
                found.append(cases)
    return found


def defaults(path, lines, own):
    """`default:` in a switch over enumerations of our own: one whose every column has only cases of one of them."""
    for number, line in enumerate(lines, 1):
        found = re.match(r"^( *)(?:default:|case _:|case \(_(?:, _)*\):)", line)
        if not found:
            continue
        patterns = []
        for above in reversed(lines[:number - 1]):
            if re.match(rf"^{found[1]}case\b", above):
                patterns.append(above.strip()[5:])
            elif above.strip() and not above.startswith(found[1]) or re.match(rf"^{found[1]}\S.*\{{$", above):
                break
        columns = [column for pattern in patterns for column in names_by_column(pattern)]
        if not patterns or any(name is None for _, name in columns):
            continue
        by_column = {}
        for index, name in columns:
            by_column.setdefault(index, set()).add(name)
        if by_column and all(any(names <= cases for cases in own) for names in by_column.values()):
            yield path, number, (
                "`default:` over an enumeration of our own: name the cases, so that a new one does not compile "
                "until somebody has decided about it")


def names_by_column(pattern):
    """(column, name) of each alternative of a pattern; a name of None is a value that is no case, as `3` or `"a"`."""
    pattern = re.sub(r"^let ", "", pattern)
    for part in split(re.split(r" where |:(?: |$)", pattern)[0]):
        part = part.strip()
        if not part or part == "nil":
            continue
        inner = split(part[1:-1]) if part.startswith("(") and part.endswith(")") else [part]
        for column, text in enumerate(inner):
            text = re.sub(r"^let ", "", text.strip())
            case = re.match(r"\.(\w+)", text)
            if case:
                yield column, case[1]
            elif text not in ("_", "nil"):
                yield column, None


def split(text):
    """The parts of a text between commas outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


# --- Comments

OPENINGS = re.compile(r"(What|Who|Whose|Whom|Whether|Where|How)\b")
COMMENT = re.compile(r"^\s*(///?|#(?!!)) ?(.*)$")
DOCSTRING = re.compile(r'^\s*"""(.*)$')
FIELD = re.compile(r"^ *- (?:Parameter \w+|Parameters|Returns|Throws|\w+): ?(.*)$")


def openings(path, lines):
    """Openings of comments that leave out the noun: `Whether x` is `True if x`, `How many` is `The number of`."""
    before = None
    for number, line in enumerate(lines, 1):
        comment = COMMENT.match(line)
        docstring = DOCSTRING.match(line) if path.endswith(".py") else None
        if docstring:
            text, before = docstring[1], None
        elif not comment:
            trailing = re.search(r"\S +// (.*)$", line)
            text, before = trailing[1] if trailing and '"' not in trailing[1] else "", None
        else:
            field = FIELD.match(comment[2])
            text = field[1] if field else comment[2] if before != comment[1] else ""
            # A blank line begins a paragraph.
            before = comment[1] if comment[2] else None
        word = OPENINGS.match(text)
        if word:
            yield path, number, (
                f"a comment that begins with \"{word[1]}\": begin with a noun or a verb in the third person "
                f"(\"True if …\", \"The number of …\", \"Returns …\")")


# --- Floors

def floors(root):
    """The targets, what they import, the manifest and ARCHITECTURE's drawing say the same."""
    manifest, drawing = read(root, "Package.swift"), read(root, "ARCHITECTURE.md")
    uses = {}
    for name, listed in re.findall(r'\bfloor\(\s*"(\w+)",\s*\[(.*?)\]', manifest, re.S):
        uses[name] = set(re.findall(r'"(\w+)"', listed))
    for name, listed in re.findall(r'executableTarget\(\s*name: "(heddle)",\s*dependencies: \[(.*?)\]', manifest, re.S):
        uses[name] = set(re.findall(r'"(\w+)"', listed))
    shims = set(re.findall(r'(?:shim\(|systemLibrary\(\s*name: )"(\w+)"', manifest))
    levels, own = {}, set(uses) | shims
    block = re.search(r"^    heddle \(executable.*?(?=\n\n)", drawing, re.S | re.M)
    for level, line in enumerate(block[0].split("\n") if block else []):
        levels.update((name, level) for name in itertools.takewhile(lambda word: word in own, line.split()))
    for name in sorted(own - set(levels)):
        yield "ARCHITECTURE.md", 1, f"the drawing of the targets lacks {name}"
    for name in sorted(set(os.listdir(os.path.join(root, "Sources"))) - own):
        yield "Package.swift", 1, f"Sources/{name} is no target"
    for name, used in sorted(uses.items()):
        imported = {}
        for path in files(root, f"Sources/{name}", suffixes=".swift"):
            for number, line in enumerate(read(root, path).split("\n"), 1):
                found = re.match(r"(?:@\w+(?:\(\w+\))? |public |package )*import (?:\w+ )?(\w+)", line)
                if found and found[1] in own:
                    imported.setdefault(found[1], (path, number))
        for other, (path, number) in sorted(imported.items()):
            if other not in used:
                yield path, number, f"imports {other}, which Package.swift does not let {name} use"
            if levels.get(other, 99) <= levels.get(name, 0):
                yield path, number, f"imports {other}, which is not on a floor below {name}'s in ARCHITECTURE.md"
        for other in sorted(used - set(imported)):
            yield "Package.swift", 1, f"{name} may use {other} and does not: take it from its list"


# --- Names

TYPE = re.compile(r"(public |package |@\w+ |final |indirect )*(?:struct|enum|class|protocol|actor|typealias) (\w+)")
# Meet in two files until the agent's own is a problem document like all others.
TWINS = {"Refusal"}


def twins(root):
    """Type names that two targets declare and one file sees both of."""
    declared, seen = {}, {}
    for path in files(root, "Sources", suffixes=".swift"):
        target = path.split("/")[1]
        seen[path] = {target}
        for number, line in enumerate(read(root, path).split("\n"), 1):
            found = TYPE.match(line)
            if found:
                declared.setdefault(found[2], {}).setdefault(target, (path, number, "public " in found[0]))
            imported = re.match(r"(?:@\w+ |public )*import (\w+)", line)
            if imported:
                seen[path].add(imported[1])
    for name, targets in sorted(declared.items()):
        for path, modules in seen.items() if len(targets) > 1 and name not in TWINS else ():
            own = path.split("/")[1]
            both = sorted(target for target in targets if target in modules and (target == own or targets[target][2]))
            if len(both) > 1:
                yield targets[both[0]][:2] + (f"{name} is a type of {' and of '.join(both)}, which {path} both sees: "
                                              "rename one",)
                break


# --- Documents

# Lists in the sources of which every member is a row of a table in a document: folder, pattern of the file's name,
# pattern of the members, document, and how the document spells them.
DOCUMENTED = (
    ("Sources/Datapath", r"DropReason\.swift$", r"^    case (\w+)", "docs/drop-reasons.md", "snake"),
    ("Sources/Datapath", r"Pipeline.*\.swift$", r".*\bpasses\((\w+)\.self\)", "docs/pipeline.md", "plain"),
    ("Sources/NetworkModel/Kinds", r"ObjectKind\.swift$", r".*\bKindRow\((\w+)\.self\)", "docs/kinds.md", "plain"),
)


def documented(root, lists=DOCUMENTED):
    """Members of lists that are no row of their document, and rows of the document that are no members."""
    for folder, name, member, document, spelling in lists:
        text = read(root, document) if os.path.exists(os.path.join(root, document)) else ""
        rows = {row[1]: number for number, line in enumerate(text.split("\n"), 1)
                if (row := re.match(r"\| `(\w+)` \|", line))}
        known = set()
        for path in files(root, folder, suffixes=".swift"):
            if not re.search(name, path):
                continue
            for number, line in enumerate(read(root, path).split("\n"), 1):
                found = re.match(member, line)
                if found:
                    label = found[1]
                    if spelling == "snake":
                        label = re.sub(r"(?<!^)([A-Z])", lambda match: "_" + match[1].lower(), label)
                    known.add(label)
                    if label not in rows:
                        yield path, number, f"{document} has no row for `{label}`"
        for label in sorted(set(rows) - known):
            yield document, rows[label], f"`{label}` is not in {folder}: take the row out"


def untested(root, folder="Sources/Datapath", name="DropReason.swift"):
    """Drop reasons that no test names, as its case or its label."""
    text = "".join(read(root, path) for path in files(root, "Tests", suffixes=(".swift", ".py"))
                   if not path.startswith("Tests/Tidy/"))
    path = f"{folder}/{name}"
    for number, line in enumerate(read(root, path).split("\n"), 1):
        if found := re.match(r"    case (\w+)$", line):
            label = re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), found[1])
            if not re.search(rf"\.{found[1]}\b|\b{label}\b", text):
                yield path, number, f"no test reaches {label}: write one"


def links(root):
    """Relative links of documents that lead nowhere, to a file or to a heading."""
    for path in files(root, ".", suffixes=".md"):
        lines = read(root, path).split("\n")
        for number, line in enumerate(lines, 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                whole = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
                if not os.path.exists(os.path.join(root, whole)):
                    yield path, number, f"a link to {target}, which does not exist"
                elif anchor and whole.endswith(".md") and anchor not in anchors(read(root, whole)):
                    yield path, number, f"a link to {target}: {whole} has no such heading"


def anchors(text):
    """The anchors that GitHub gives the headings of a document."""
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


# Folders that do not keep a rule yet. Takes no new ones.
PENDING = {
    openings: (),
    sizes: (),
    defaults: (),
}


def everything(root):
    """All findings about a checkout."""
    texts = {path: read(root, path) for path in files(root, "Sources", "Tests", "deploy", "console", suffixes=SIZED)}
    own = enumerations(text for path, text in texts.items() if path.startswith("Sources/") and path.endswith(".swift"))
    for path, text in texts.items():
        lines = text.removesuffix("\n").split("\n")
        if not path.startswith(PENDING[sizes]):
            yield from sizes(path, lines)
        if not path.startswith(PENDING[openings]):
            yield from openings(path, lines)
        # A test looks at one case and fails in the others.
        if path.endswith(".swift") and path.startswith("Sources/") and not path.startswith(PENDING[defaults]):
            yield from defaults(path, lines, own)
    yield from floors(root)
    yield from twins(root)
    yield from documented(root)
    yield from untested(root)
    yield from links(root)
