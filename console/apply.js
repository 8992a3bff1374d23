// A topology file: dropped, shown as a plan, applied.
import { ask, Problem } from "./api.js";
import { titleBar } from "./detail.js";
import { diffTable } from "./diff.js";
import { button, count, fill, h } from "./dom.js";
import { fileByteCountMaximum, parseFile } from "./yaml.js";

const lists = [
  "dhcp_options", "dns_records", "mirrors", "switches", "ports", "port_groups", "address_sets", "acls", "qos_rules",
];
const verbs = { create: "created", update: "changed", delete: "deleted" };

/**
 * Returns the owner and the body of a topology's file. Ports may be listed below their switch.
 * @throws an Error that names the member at fault
 */
export function readTopology(text) {
    const root = parseFile(text);
    const isMapping = root !== null && typeof root === "object" && !Array.isArray(root);
    if (!isMapping) throw new Error("Write 'switches:' with a list below it.");
    const body = {};
    for (const [name, value] of Object.entries(root)) {
        if (name === "owner") continue;
        if (!lists.includes(name)) throw new Error(`There is no '${name}' here, only owner, ${lists.join(", ")}.`);
        if (!Array.isArray(value)) throw new Error(`'${name}' must be a list, each element after a dash.`);
        body[name] = value;
    }
    if (Object.keys(body).length === 0) throw new Error(`There is none of ${lists.join(", ")}.`);
    const nested = [];
    body.switches = body.switches?.map((one) => {
        const { ports, ...rest } = one ?? {};
        for (const port of ports ?? []) nested.push({ switch: rest.name, ...port });
        return rest;
    });
    if (nested.length > 0) body.ports = [...body.ports ?? [], ...nested];
    return { owner: typeof root.owner === "string" ? root.owner : "", body };
}

export function applyPage(context) {
    const page = new ApplyPage(context);
    return { title: "Apply a topology", element: page.element, leave: () => page.leave() };
}

class ApplyPage {
    #body = null;
    #plan = h("section", { class: "plan", "aria-live": "polite" });
    #error = h("div", { class: "error", role: "alert" });
    #owner = h("input", { id: "owner", autocomplete: "off", spellcheck: "false", input: () => this.#ask() });
    #prune = h("input", { type: "checkbox", id: "prune", change: () => this.#ask() });
    #fileName = h("b", {});
    #asked = 0;

    constructor(context) {
        this.context = context;
        const chooser = h("input", {
            type: "file", id: "file", accept: ".yaml,.yml,.json", change: () => this.#take(chooser.files[0]),
        });
        this.drop = h("div", { class: "drop" },
            h("label", { for: "file" }, "Drop a topology's file here, or choose one:"), chooser);
        this.options = h("div", { class: "form row", hidden: true }, this.#fileName,
            h("div", { class: "field" }, h("label", { for: "owner" }, "Owner"), this.#owner),
            h("div", { class: "field is-flag" }, this.#prune,
                h("label", { for: "prune" }, "Delete what the file leaves out")));
        this.element = h("article", {}, titleBar("", "Apply a topology", null),
            h("p", { class: "hint" }, "YAML or JSON, as for ", h("code", {}, "heddle apply"),
                ". Nothing is changed before you have seen the plan."),
            this.drop, this.options, this.#error, this.#plan);
        this.listeners = {
            dragover: (event) => {
                event.preventDefault();
                this.drop.classList.add("is-over");
            },
            dragleave: () => this.drop.classList.remove("is-over"),
            drop: (event) => {
                event.preventDefault();
                this.drop.classList.remove("is-over");
                this.#take(event.dataTransfer.files[0]);
            },
        };
        for (const [name, act] of Object.entries(this.listeners)) addEventListener(name, act);
    }

    leave() { for (const [name, act] of Object.entries(this.listeners)) removeEventListener(name, act); }

    async #take(file) {
        if (!file) return;
        fill(this.#plan);
        fill(this.#error);
        try {
            if (file.size > fileByteCountMaximum) throw new Error("The file is longer than 16 MiB.");
            const { owner, body } = readTopology(await file.text());
            this.#body = body;
            this.#owner.value = owner || this.#owner.value;
            this.#fileName.textContent = file.name;
            this.options.hidden = false;
            await this.#ask();
        } catch (error) {
            fill(this.#error, `${file.name}: ${error.message}`);
        }
    }

    #path(more) {
        const query = new URLSearchParams({ ...more, ...this.#prune.checked ? { prune: "true" } : {} });
        return `/v1/topologies/${encodeURIComponent(this.#owner.value.trim())}?${query}`;
    }

    /** Asks central what the file would change. */
    async #ask() {
        if (!this.#body) return;
        const turn = this.#asked += 1;
        fill(this.#error);
        fill(this.#plan);
        if (this.#owner.value.trim() === "") return fill(this.#error, "Name the owner of these objects.");
        try {
            const { body } = await ask("PUT", this.#path({ dry_run: "true" }), { body: this.#body });
            if (turn === this.#asked) this.#show(body);
        } catch (problem) {
            if (!(problem instanceof Problem)) throw problem;
            if (turn === this.#asked) this.#refuse(problem);
        }
    }

    #show({ plan, unchanged, revision }) {
        const numbers = Object.entries(verbs).map(([op, verb]) => [plan.filter((one) => one.op === op).length, verb])
            .filter(([number]) => number > 0).map(([number, verb]) => `${number.toLocaleString("en")} ${verb}`);
        const text = plan.length === 0 ? `Nothing to do: all ${count(unchanged, "object")} are as the file says.`
            : `${numbers.join(", ")}, ${unchanged.toLocaleString("en")} unchanged.`;
        fill(this.#plan, h("p", { class: "summary" }, text),
            plan.length > 0 && button("Apply", () => this.#apply(revision), { class: "main" }),
            h("ul", { class: "changes" },
                plan.slice(0, 200).map((one) => h("li", { class: `change is-${verbs[one.op]}` },
                h("span", { class: "verb" }, one.op), ` ${one.kind.replaceAll("_", " ")} `, h("b", {}, one.name),
                diffTable(one.changes)))),
            plan.length > 200 && h("p", { class: "hint" }, `and ${count(plan.length - 200, "more object")}`));
    }

    async #apply(revision) {
        try {
            await ask("PUT", this.#path({ if_revision: String(revision) }), { body: this.#body });
            fill(this.#plan, h("p", { class: "summary", id: "applied" }, "Applied."));
        } catch (problem) {
            if (!(problem instanceof Problem)) throw problem;
            this.#refuse(problem);
        }
    }

    /** Shows what is wrong with each object. */
    #refuse(problem) {
        const all = problem.others.length > 0 ? problem.others
            : [{ detail: problem.message, pointer: problem.pointer }];
        fill(this.#plan);
        fill(this.#error, h("ul", {}, all.map(({ detail, pointer }) => h("li", {}, this.#place(pointer), detail))));
    }

    #place(pointer) {
        const [, list, index, ...rest] = (pointer ?? "").split("/");
        const object = this.#body[list]?.[Number(index)];
        return object ? `${list} ${object.name ?? index}${rest.length > 0 ? `, ${rest.join("/")}` : ""}: ` : "";
    }
}
