// Forms about objects: fields with the API's own refusals beside them, and the difference that they make.
import { Problem } from "./api.js";
import { button, h } from "./dom.js";

const readers = {
    text: (element) => element.value.trim() || null,
    number: (element) => (element.value.trim() === "" ? null : Number(element.value)),
    lines: (element) => element.value.split("\n").map((line) => line.trim()).filter((line) => line !== ""),
    words: (element) => element.value.split(/[\s,]+/).filter((word) => word !== ""),
    pairs: (element) => Object.fromEntries(readers.lines(element).map((line) => {
        const [key, value = ""] = line.split(/=(.*)/s);
        return [key.trim(), value.trim()];
    })),
    flag: (element) => element.checked,
    choice: (element) => ({ "": null, true: true, false: false })[element.value],
    select: (element) => element.value,
};

const writers = {
    lines: (value) => (value ?? []).join("\n"),
    words: (value) => (value ?? []).join(" "),
    pairs: (value) => Object.entries(value ?? {}).map(([key, one]) => `${key}=${one}`).join("\n"),
};

function control({ type, options, id }, value) {
    const attributes = { id, "aria-describedby": `${id}-help ${id}-error`, autocomplete: "off", spellcheck: "false" };
    switch (type) {
    case "flag": return h("input", { ...attributes, type: "checkbox", checked: value === true });
    case "choice": {
        const text = value === true || value === false ? String(value) : "";
        return h("select", attributes, [["", "as by default"], ["true", "yes"], ["false", "no"]].map(([key, word]) =>
            h("option", { value: key, selected: key === text }, word)));
    }
    case "select": return h("select", attributes, Object.entries(options).map(([key, word]) =>
        h("option", { value: key, selected: key === (value ?? "") }, word)));
    case "lines": case "pairs": {
        const area = h("textarea", { ...attributes, rows: 3 });
        area.value = writers[type](value);
        return area;
    }
    default: return h("input", { ...attributes, value: writers[type]?.(value) ?? value ?? "" });
    }
}

/**
 * A form.
 * @param fields {name, label, type, help, value, options, isFixed, isRare} each
 * @param object the object as it is; nothing for a new one
 * @param send is given the values that differ, as a merge patch, and returns when central has taken them
 */
export class ObjectForm {
    #controls = new Map();
    #errors = new Map();
    #error = h("p", { class: "error", role: "alert" });
    notice = h("p", { class: "warning", role: "status" });

    constructor(fields, object, { send, cancel, verb }) {
        Object.assign(this, { fields, object, send });
        const rows = (isRare) => fields.filter((field) => Boolean(field.isRare) === isRare).map((field) =>
            this.#row(field));
        const hasRare = fields.some((field) => field.isRare);
        const isRareSet = fields.some((field) => field.isRare && object && !isBlank(object[field.name]));
        this.rare = hasRare && h("details", { open: isRareSet }, h("summary", {}, "Further fields"), rows(true));
        this.element = h("form", { class: "form", novalidate: true, submit: (event) => this.#submit(event) },
            this.notice, rows(false), this.rare, this.#error,
            h("div", { class: "actions" }, h("button", { type: "submit", class: "main" }, verb),
                button("Cancel", cancel)));
    }

    #row(field) {
        const id = `field-${field.name}`;
        const element = control({ ...field, id }, this.object?.[field.name] ?? field.value);
        element.disabled = Boolean(field.isFixed);
        const error = h("p", { class: "error", id: `${id}-error` });
        this.#controls.set(field.name, element);
        this.#errors.set(field.name, error);
        return h("div", { class: `field is-${field.type}` }, h("label", { for: id }, field.label), element,
            h("p", { class: "hint", id: `${id}-help` }, field.help), error);
    }

    /** The values that differ from those of the object. */
    get difference() {
        const patch = {};
        for (const field of this.fields) {
            if (field.isFixed && this.object) continue;
            const value = readers[field.type](this.#controls.get(field.name));
            if (this.#isUnchanged(field, value)) continue;
            const isPatch = field.type === "pairs" && this.object;
            patch[field.name] = isPatch ? pairsPatch(this.object[field.name], value) : value;
        }
        return patch;
    }

    /** True if a value need not be sent: it is the object's own, or what a new object has anyway. */
    #isUnchanged({ name, type, value: usual }, value) {
        if (type === "flag") return value === Boolean(this.object ? this.object[name] : usual);
        return this.object ? isSame(value, this.object[name]) : isBlank(value) && value !== false;
    }

    async #submit(event) {
        event.preventDefault();
        this.#error.textContent = "";
        for (const [name, error] of this.#errors) {
            error.textContent = "";
            this.#controls.get(name).removeAttribute("aria-invalid");
        }
        try {
            await this.send(this.difference);
        } catch (problem) {
            if (!(problem instanceof Problem)) throw problem;
            this.#refuse(problem);
        }
    }

    /** Shows a refusal at the field that it is about. */
    #refuse(problem) {
        const name = problem.pointer?.split("/")[1];
        const control = this.#controls.get(name);
        const place = control ? this.#errors.get(name) : this.#error;
        place.replaceChildren(problem.message, conflictLink(problem));
        if (!control) return;
        if (this.rare?.contains(control)) this.rare.open = true;
        control.setAttribute("aria-invalid", "true");
        control.focus();
    }
}

function conflictLink(problem) {
    const found = /^\/v1\/(switches|ports|chassis)\/([^/]+)$/.exec(problem.conflictsWith ?? "");
    if (!found) return "";
    const page = found[1] === "chassis" ? "hosts" : found[1];
    return h("a", { href: `#/${page}/${found[2]}` }, " See it.");
}

function isBlank(value) {
    if (value === null || value === undefined || value === "" || value === false) return true;
    return typeof value === "object" && Object.keys(value).length === 0;
}

function isSame(one, other) {
    if (isBlank(one) && isBlank(other)) return typeof (one ?? other) !== "boolean" || (one ?? null) === (other ?? null);
    return JSON.stringify(one) === JSON.stringify(other);
}

/** The merge patch that makes pairs of others: what is left out becomes null. */
function pairsPatch(before, after) {
    const gone = Object.keys(before ?? {}).filter((key) => !(key in after)).map((key) => [key, null]);
    return Object.fromEntries([...Object.entries(after), ...gone]);
}
