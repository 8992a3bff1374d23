// Finding switches, ports and hosts by name, address or label.
import { h, fill } from "./dom.js";
import { hostState, hostStateWords, mark, portState, stateWords } from "./state.js";

const texts = new WeakMap();

/** Returns the text of an object that a search looks at, in lower case. */
export function searchText(object) {
    let text = texts.get(object);
    if (text === undefined) {
        const labels = Object.entries(object.labels ?? {}).map(([key, value]) => `${key}=${value}`);
        const status = object.status ?? {};
        const words = [
            object.name, object.hostname, object.switch, status.chassis, status.dynamic_addresses, object.virtual_ip,
            object.id, ...(object.addresses ?? []), ...(object.encaps ?? []).map((encap) => encap.ip), ...labels,
        ];
        texts.set(object, text = words.filter(Boolean).join("\n").toLowerCase());
    }
    return text;
}

/** Returns up to `limit` objects that a text is in; those whose names begin with it come first. */
export function find(store, text, kinds = ["switch", "port", "host"], limit = 12) {
    const wanted = text.trim().toLowerCase();
    if (wanted === "") return [];
    const tables = { switch: store.switches, host: store.chassis, port: store.ports };
    const [first, rest] = [[], []];
    for (const kind of kinds) {
        for (const object of tables[kind].values()) {
            if (first.length >= limit) break;
            if (object.name.toLowerCase().startsWith(wanted)) first.push({ kind, object });
            else if (rest.length < limit && searchText(object).includes(wanted)) rest.push({ kind, object });
        }
    }
    return [...first, ...rest].slice(0, limit);
}

/** Returns the address of an object's page. */
export function pageOf({ kind, object }) {
    return `#/${{ switch: "switches", port: "ports", host: "hosts" }[kind]}/${encodeURIComponent(object.name)}`;
}

function detail({ kind, object }) {
    if (kind === "switch") return "switch";
    if (kind === "host") return `host, ${hostStateWords(hostState(object))}`;
    const address = object.status.dynamic_addresses ?? object.addresses[0] ?? "no address";
    return `port of ${object.switch}, ${stateWords(portState(object))}, ${address}`;
}

function stateOf({ kind, object }) {
    if (kind === "switch") return null;
    return kind === "host" ? hostState(object) : portState(object);
}

let boxCount = 0;

/**
 * An input with a list of what is found (ARIA's combobox).
 * @param look gives what is found for a text: {kind, object} each
 * @param pick is told what was chosen
 */
export class SearchBox {
    #found = [];
    #active = -1;

    constructor({ label, placeholder, look, pick, value = "", id }) {
        Object.assign(this, { look, pick });
        const listID = `found-${boxCount += 1}`;
        this.list = h("ul", { id: listID, role: "listbox", class: "found", hidden: true, "aria-label": label });
        this.input = h("input", {
            type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-label": label,
                placeholder, id,
            "aria-expanded": "false", "aria-controls": listID, "aria-autocomplete": "list",
            input: () => this.#show(),
            keydown: (event) => this.#press(event),
            blur: () => this.#hide(),
        });
        this.input.value = value;
        this.element = h("div", { class: "search" }, this.input, this.list);
    }

    #show() {
        this.#found = this.look(this.input.value);
        this.#active = this.#found.length > 0 ? 0 : -1;
        const isAsked = this.input.value.trim() !== "";
        fill(this.list, this.#found.map((found, index) => h("li", {
            role: "option", id: `${this.list.id}-${index}`,
            // Before the input loses the focus, and the list with it.
            pointerdown: (event) => {
                event.preventDefault();
                this.#choose(index);
            },
        }, stateOf(found) && mark(stateOf(found)), h("b", {}, found.object.name), " ", h("span", {}, detail(found)))),
        isAsked && this.#found.length === 0
            && h("li", { class: "none" }, "nothing has this in its name, addresses or labels"));
        this.list.hidden = !isAsked;
        this.input.setAttribute("aria-expanded", String(isAsked));
        this.#point();
    }

    #hide() {
        this.list.hidden = true;
        this.input.setAttribute("aria-expanded", "false");
        this.input.removeAttribute("aria-activedescendant");
    }

    #point() {
        [...this.list.children].forEach((item, index) =>
            item.setAttribute("aria-selected", String(index === this.#active)));
        const item = this.list.children[this.#active];
        if (item?.id) this.input.setAttribute("aria-activedescendant", item.id);
        item?.scrollIntoView({ block: "nearest" });
    }

    #press(event) {
        const steps = { ArrowDown: 1, ArrowUp: -1 };
        if (event.key in steps && this.#found.length > 0) {
            event.preventDefault();
            this.#active = (this.#active + steps[event.key] + this.#found.length) % this.#found.length;
            this.#point();
        } else if (event.key === "Enter" && this.#active >= 0 && !this.list.hidden) {
            event.preventDefault();
            this.#choose(this.#active);
        } else if (event.key === "Escape") {
            this.#hide();
        }
    }

    #choose(index) {
        const found = this.#found[index];
        this.#hide();
        this.pick(found, this);
    }
}
