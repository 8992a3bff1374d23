// Topology files: JSON, and as much of YAML as such files have: nested mappings and lists, flow lists and mappings on
// one line, quoted and plain scalars, comments. What else YAML has is refused with its line.

/** The most bytes of a file: as much as central takes. */
export const fileByteCountMaximum = 16 << 20;
/** The deepest nesting; a topology has a handful. */
const depthMaximum = 32;

/** Returns the value of a text. Throws an Error that tells the line. */
export function parseFile(text) {
    if (/^\s*[{[]/.test(text)) {
        try {
            return JSON.parse(text);
        } catch (error) {
            // A flow mapping of YAML begins the same way.
            if (text.includes('"')) throw new Error(`This is no JSON: ${error.message}`);
        }
    }
    return new YAML(text).document();
}

class YAML {
    #index = 0;

    constructor(text) {
        this.lines = [];
        text.split(/\r?\n/).forEach((raw, index) => {
            if (/^\s*\t/.test(raw)) throw new Error(`line ${index + 1}: a tab cannot indent; write blanks`);
            const content = withoutComment(raw).trimEnd();
            if (content.trim() === "" || /^(---|\.\.\.)$/.test(content) || content.startsWith("%")) return;
            const indent = content.length - content.trimStart().length;
            this.lines.push({ indent, text: content.trimStart(), number: index + 1 });
        });
    }

    document() {
        if (this.lines.length === 0) return null;
        const value = this.#block(this.lines[0].indent, 0);
        const rest = this.lines[this.#index];
        if (rest) this.#fail(rest, "this is indented unlike what is above it");
        return value;
    }

    #fail(line, reason) { throw new Error(`line ${line.number}: ${reason}`); }

    #block(indent, depth) {
        const line = this.lines[this.#index];
        if (depth > depthMaximum) this.#fail(line, "this is nested too deeply");
        if (line.text === "-" || line.text.startsWith("- ")) return this.#list(indent, depth);
        if (keyOf(line.text)) return this.#mapping(indent, depth);
        this.#index += 1;
        return this.#scalar(line.text, line);
    }

    #list(indent, depth) {
        const list = [];
        for (let line; (line = this.lines[this.#index]) && line.indent === indent && /^-( |$)/.test(line.text);) {
            const rest = line.text.slice(1).trimStart();
            if (rest === "") {
                this.#index += 1;
                list.push(this.#below(indent, depth));
                continue;
            }
            // The rest of the line begins a block of its own, as far in as it is.
            const inner = indent + line.text.length - rest.length;
            this.lines[this.#index] = { ...line, indent: inner, text: rest };
            list.push(this.#block(inner, depth + 1));
        }
        return list;
    }

    #mapping(indent, depth) {
        const members = new Map();
        for (let line; (line = this.lines[this.#index]) && line.indent === indent && !/^-( |$)/.test(line.text);) {
            const found = keyOf(line.text);
            if (!found) this.#fail(line, "a member is written as 'name: value'");
            if (members.has(found.key)) this.#fail(line, `'${found.key}' is given twice`);
            this.#index += 1;
            members.set(found.key, found.rest === "" ? this.#below(indent, depth, true)
                : this.#scalar(found.rest, line));
        }
        const next = this.lines[this.#index];
        if (next && next.indent > indent) this.#fail(next, "this is indented further than what it belongs to");
        return Object.fromEntries(members);
    }

    /** The block below a line; null if there is none. A list may be as far in as the member that it belongs to. */
    #below(indent, depth, isMember = false) {
        const next = this.lines[this.#index];
        if (!next) return null;
        const isList = isMember && next.indent === indent && /^-( |$)/.test(next.text);
        return next.indent > indent || isList ? this.#block(next.indent, depth + 1) : null;
    }

    #scalar(text, line) {
        if (/^[|>][+-]?\d*$/.test(text)) this.#fail(line, "texts of several lines are not read here");
        if (/^[&*!]/.test(text)) this.#fail(line, "anchors, aliases and tags are not read here");
        const flow = new Flow(text, (reason) => this.#fail(line, reason));
        const value = flow.value(0, "");
        flow.end();
        return value;
    }
}

/** A text without the comment at its end. */
function withoutComment(text) {
    let quote = "";
    for (let index = 0; index < text.length; index += 1) {
        const character = text[index];
        if (quote) {
            if (character === "\\" && quote === '"') index += 1;
            else if (character === quote) quote = "";
        } else if ((character === '"' || character === "'") && !/[\w.:]/.test(text[index - 1] ?? "")) quote = character;
        else if (character === "#" && (index === 0 || /\s/.test(text[index - 1]))) return text.slice(0, index);
    }
    return text;
}

function keyOf(text) {
    const found = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'[\]{}#&*!|>,][^#]*?)\s*:(?:\s+(.*)|$)/.exec(text);
    if (!found) return null;
    const [, key, rest = ""] = found;
    return { key: /^["']/.test(key) ? unquoted(key) : key, rest: rest.trim() };
}

function unquoted(text) {
    return text[0] === "'" ? text.slice(1, -1).replaceAll("''", "'") : JSON.parse(text);
}

/** Values on one line. */
class Flow {
    #at = 0;

    constructor(text, fail) { Object.assign(this, { text, fail }); }

    value(depth, ends) {
        if (depth > depthMaximum) this.fail("this is nested too deeply");
        this.#skip();
        const first = this.text[this.#at];
        if (first === "[") return this.#items("]", (list) => list.push(this.value(depth + 1, ",]")), []);
        if (first === "{") return this.#items("}", (object) => this.#member(object, depth), {});
        if (first === '"' || first === "'") return this.#quoted(first);
        let end = this.#at;
        const stops = (index) => ends.includes(this.text[index]) && ends !== "";
        while (end < this.text.length && !stops(end)) end += 1;
        const text = this.text.slice(this.#at, end).trim();
        this.#at = end;
        return plain(text);
    }

    #items(close, add, found) {
        this.#at += 1;
        for (;;) {
            this.#skip();
            if (this.#at >= this.text.length) this.fail(`'${close}' is missing`);
            if (this.text[this.#at] === close) break;
            add(found);
            this.#skip();
            if (this.text[this.#at] === ",") this.#at += 1;
            else if (this.text[this.#at] !== close) this.fail(`',' or '${close}' is missing`);
        }
        this.#at += 1;
        return found;
    }

    #member(object, depth) {
        const key = this.value(depth + 1, ":,}");
        this.#skip();
        if (this.text[this.#at] !== ":") this.fail("a member is written as 'name: value'");
        this.#at += 1;
        Object.defineProperty(object, String(key),
            { value: this.value(depth + 1, ",}"), enumerable: true, configurable: true });
    }

    #quoted(quote) {
        const pattern = quote === "'" ? /'(?:[^']|'')*'/y : /"(?:[^"\\]|\\.)*"/y;
        pattern.lastIndex = this.#at;
        const found = pattern.exec(this.text);
        if (!found) this.fail(`the closing ${quote} is missing`);
        this.#at = pattern.lastIndex;
        try {
            return unquoted(found[0]);
        } catch {
            return this.fail("an escape in this text is not known");
        }
    }

    #skip() { while (/\s/.test(this.text[this.#at] ?? "")) this.#at += 1; }

    end() {
        this.#skip();
        if (this.#at < this.text.length) this.fail(`'${this.text.slice(this.#at, this.#at + 20)}' is too much here`);
    }
}

/** The value of a plain scalar, by YAML's core schema. */
function plain(text) {
    if (/^(~|null|Null|NULL|)$/.test(text)) return null;
    if (/^(true|True|TRUE)$/.test(text)) return true;
    if (/^(false|False|FALSE)$/.test(text)) return false;
    return /^[-+]?\d{1,15}$/.test(text) ? Number(text) : text;
}
