// Changes of objects, member by member.
import { h } from "./dom.js";

/** Members that change with every change. */
const silent = new Set(["revision", "config_revision", "updated_at"]);
/** Members whose own members are told one by one. */
const parts = new Set(["status", "labels", "options"]);

/** Returns the members in which two states of an object differ: {field, from, to} each. */
export function differences(before, after) {
    const [from, to] = [flat(before), flat(after)];
    return [...new Set([...from.keys(), ...to.keys()])]
        .filter((field) => JSON.stringify(from.get(field)) !== JSON.stringify(to.get(field)))
        .map((field) => ({ field, from: from.get(field), to: to.get(field) }));
}

function flat(object) {
    const members = new Map();
    for (const [name, value] of Object.entries(object ?? {})) {
        if (silent.has(name)) continue;
        if (!parts.has(name)) members.set(name, value);
        else for (const [part, inner] of Object.entries(value ?? {})) members.set(`${name}.${part}`, inner);
    }
    return members;
}

/** Returns a value as people write it. */
export function valueText(value) {
    if (value === undefined || value === null) return "—";
    if (typeof value === "string") return value === "" ? "—" : value;
    if (Array.isArray(value)) {
        return value.length === 0 ? "—" : value.map((one) =>
            (typeof one === "object" ? JSON.stringify(one) : one)).join(", ");
    }
    return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Returns differences as rows: the value that went, and the one that came. */
export function diffTable(list) {
    if (list.length === 0) return null;
    return h("div", { class: "scroll" }, h("table", { class: "diff" },
        h("tbody", {}, list.map(({ field, from, to }) => h("tr", {},
        h("th", { scope: "row" }, field),
        from !== undefined && h("td", {}, h("span", { class: "unseen" }, "was "), h("del", {}, valueText(from))),
        h("td", {}, h("span", { class: "unseen" }, "is "), h("ins", {}, valueText(to))))))));
}
