// Parts that several pages are made of: facts with their titles, advice, tables in pages, times.
import { addressWords, button, count, fill, h, keepInAddress, link } from "./dom.js";

/** Returns a list of titles and values. Values are texts, elements, or lists of these; empty ones show a dash. */
export function facts(rows) {
    return h("dl", { class: "facts" }, rows.filter((row) => row !== null).map(([title, value]) => {
        const values = (Array.isArray(value) ? value : [value]).filter((one) => one !== null && one !== undefined
            && one !== "");
        return [h("dt", {}, title), h("dd", {}, values.length === 0
            ? h("span", { class: "none" }, "—") : values.map((one) => h("div", {}, one)))];
    }));
}

/** Returns a fact that is left out where nothing is said. */
export function said(title, value) {
    return value === null || value === undefined || value === "" || value?.length === 0 ? null : [title, value];
}

/** Returns advice as boxes of sentences with commands to copy. */
export function adviceBoxes(list) {
    return list.map(({ sentence, commands }) => h("section", { class: "advice" }, h("p", {}, sentence),
        commands.map((command) => h("p", { class: "command" }, h("code", {}, command), copyButton(command)))));
}

function copyButton(text) {
    if (!navigator.clipboard) return null;
    const act = async (event) => {
        await navigator.clipboard.writeText(text);
        event.target.textContent = "copied";
    };
    return button("copy", act, { "aria-label": `copy ${text}`, class: "small" });
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Returns a time in the reader's zone; the exact one is in its title. */
export function time(text) {
    const date = text instanceof Date ? text : new Date(text);
    if (Number.isNaN(date.valueOf())) return String(text);
    const iso = date.toISOString();
    return h("time", { datetime: iso, title: iso }, clock.format(date));
}

/** Returns labels as a fact. */
export function labelFact(labels) {
    const texts = labelTexts(labels);
    return ["Labels", texts.length > 0 ? [texts] : null];
}

/** Returns labels as `key=value`. */
export function labelTexts(labels) {
    return Object.entries(labels ?? {}).map(([key, value]) => h("span", { class: "label" }, `${key}=${value}`));
}

export function portLink(name) { return link(`#/ports/${encodeURIComponent(name)}`, name); }

export function switchLink(name) { return link(`#/switches/${encodeURIComponent(name)}`, name); }

export function hostLink(name) { return name ? link(`#/hosts/${encodeURIComponent(name)}`, name) : "no host"; }

/** A table that shows so many rows at a time, however many there are, with a filter. The address has what it shows. */
export class PagedTable {
    static rowMaximum = 100;
    #page = 0;
    #filter = "";
    #items = [];
    #body = h("div", { class: "scroll" });
    #pager = h("div", { class: "pager" });

    /**
     * @param noun the name of an item
     * @param columns {title, cell(item)} each
     * @param text gives the text of an item that the filter looks at
     */
    constructor(noun, columns, text) {
        Object.assign(this, { noun, columns, text });
        const words = addressWords();
        this.#filter = (words.get("filter") ?? "").toLowerCase();
        this.#page = Math.max(0, Math.trunc(Number(words.get("page")) || 1) - 1);
        const input = h("input", {
            type: "search", placeholder: `Filter ${noun}s`, "aria-label": `Filter ${noun}s`, value: this.#filter,
            input: (event) => {
                this.#filter = event.target.value.trim().toLowerCase();
                this.#page = 0;
                this.#keep();
                this.#draw();
            },
        });
        this.element = h("div", { class: "paged" }, h("div", { class: "above" }, input, this.#pager), this.#body);
    }

    set items(items) {
        this.#items = items;
        this.#draw();
    }

    #keep() {
        keepInAddress("filter", this.#filter === "" ? null : this.#filter);
        keepInAddress("page", this.#page === 0 ? null : this.#page + 1);
    }

    #draw() {
        const found = this.#filter ? this.#items.filter((item) => this.text(item).includes(this.#filter)) : this.#items;
        const last = Math.max(0, Math.ceil(found.length / PagedTable.rowMaximum) - 1);
        // A page of what is still being loaded is not forgotten.
        const page = Math.min(this.#page, last);
        if (found.length > 0) this.#page = page;
        const first = page * PagedTable.rowMaximum;
        const shown = found.slice(first, first + PagedTable.rowMaximum);
        const turn = (step) => () => {
            this.#page += step;
            this.#keep();
            this.#draw();
        };
        fill(this.#pager,
            last > 0 && button("previous", turn(-1), { disabled: this.#page === 0 }),
            h("span", {}, found.length === 0 ? `no ${this.noun}s`
                : last === 0 ? count(found.length, this.noun)
                    : `${(first + 1).toLocaleString("en")} to ${(first + shown.length).toLocaleString("en")} of `
                        + count(found.length, this.noun)),
            last > 0 && button("next", turn(1), { disabled: this.#page === last }));
        fill(this.#body, shown.length > 0 && h("table", {},
            h("thead", {}, h("tr", {}, this.columns.map(({ title }) => h("th", { scope: "col" }, title)))),
            h("tbody", {}, shown.map((item) => h("tr", {}, this.columns.map(({ cell }) => h("td", {}, cell(item))))))));
    }
}
