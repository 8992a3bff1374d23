// The history of one object out of the audit: who changed it and when.
import { Problem, read } from "./api.js";
import { button, fill, h } from "./dom.js";
import { differences, diffTable } from "./diff.js";
import { time } from "./facts.js";

/** Commits of a page of the audit, and the pages that are looked through at a time. */
const [pageSize, pageMaximum] = [500, 6];
/** Entries that are looked for at a time. */
const entryMaximum = 12;

/** Returns {element}: a history that goes on as the object changes. */
export function historyOf(context, kind, name) {
    const element = h("section", { class: "history" });
    new History(context.store, kind, name, element).begin();
    return { element };
}

class History {
    #entries = [];
    #next = "";
    #isLooking = false;
    #first = undefined;
    #wasShown = false;
    #note = "";

    constructor(store, kind, name, element) { Object.assign(this, { store, kind, name, element }); }

    async begin() {
        await this.#look(entryMaximum);
        const watch = async () => {
            // The page has gone, and its history with it; one that is being loaded is not there yet.
            this.#wasShown ||= this.element.isConnected;
            if (this.#wasShown && !this.element.isConnected) return this.store.removeEventListener("change", watch);
            if (this.#first !== this.#firstRevision()) this.#draw();
            const newest = this.store.history.findLast((change) => this.#isOurs(change))?.revision ?? 0;
            if (newest > (this.#entries[0]?.revision ?? 0) && !this.#isLooking) await this.#lookAtNewest();
        };
        this.store.addEventListener("change", watch);
    }

    #isOurs(change) { return change.kind === this.kind && change.name === this.name; }

    async #lookAtNewest() {
        await this.#guarded(async () => {
            const { items } = await read("/v1/audit?limit=50");
            const newest = this.#entries[0]?.revision ?? 0;
            const fresh = items.filter((commit) => commit.revision > newest
                && commit.changes.some((one) => this.#isOurs(one)));
            this.#entries.unshift(...fresh);
        });
    }

    /** Looks further back for some more entries. */
    async #look(wanted) {
        await this.#guarded(async () => {
            const target = this.#entries.length + wanted;
            for (let page = 0; page < pageMaximum && this.#next !== null && this.#entries.length < target; page += 1) {
                const mark = this.#next ? `&page_token=${encodeURIComponent(this.#next)}` : "";
                const body = await read(`/v1/audit?limit=${pageSize}${mark}`);
                this.#entries.push(...body.items.filter((commit) => commit.changes.some((one) => this.#isOurs(one))));
                this.#next = body.next_page_token;
            }
            this.#note = this.#next === null ? "" : "There may be more, further back.";
        });
    }

    async #guarded(work) {
        this.#isLooking = true;
        try {
            await work();
        } catch (error) {
            if (!(error instanceof Problem)) throw error;
            this.#note = error.message;
        }
        this.#isLooking = false;
        this.#draw();
    }

    /** The revision at which the object was made, if it is known. */
    #firstRevision() {
        const { switches, ports } = this.store;
        const object = { logical_switch: switches, logical_switch_port: ports }[this.kind]?.get(this.name);
        return this.#entries.findLast((commit) => commit.time === object?.created_at)?.revision;
    }

    #draw() {
        const first = this.#first = this.#firstRevision();
        const rows = this.#entries.map((commit) => {
            const own = commit.changes.find((one) => this.#isOurs(one));
            const heard = this.store.history.find((one) => one.revision === commit.revision && this.#isOurs(one));
            const isNew = heard && !heard.before || commit.revision === first;
            const verb = own.op === "delete" ? "deleted" : isNew ? "created" : "changed";
            return h("li", {}, time(commit.time), " ", h("b", {}, commit.author),
                ` ${verb} it, revision ${commit.revision}`,
                commit.source && h("span", { class: "hint" }, ` from ${commit.source}`),
                heard?.before && heard.after && diffTable(differences(heard.before, heard.after)));
        });
        fill(this.element, h("h2", {}, "History"), rows.length > 0 && h("ol", { class: "timeline" }, rows),
            this.#note && h("p", { class: "hint" }, this.#note, " ", this.#next && button("Look further back",
                () => this.#look(entryMaximum))));
    }
}
