// The timeline: commits with their changes, newest first. Who and when comes from the audit; what changed comes from
// the feed, as far back as central keeps it.
import { Problem, read } from "./api.js";
import { titleBar } from "./detail.js";
import { differences, diffTable } from "./diff.js";
import { addressWords, button, count, fill, h, keepInAddress, link, oncePerFrame } from "./dom.js";
import { time } from "./facts.js";

/** Commits that are shown at first, and with each look further back. */
const pageSize = 100;
/** Changes of one commit that are shown. */
const changeMaximum = 20;
/** Changes of a commit that are shown open. */
const openMaximum = 3;
/** How far back the feed is asked for the objects of past changes: at first so many revisions, then fewer. */
const depths = [300, 100, 30];

const kinds = {
    logical_switch: ["switch", "switches"], logical_switch_port: ["port", "ports"], chassis: ["host", "hosts"],
    dhcp_options: ["DHCP options"], dns_records: ["DNS records"], mirror: ["mirror"], port_group: ["port group"],
    address_set: ["address set"], acl: ["ACL"], qos_rule: ["QoS rule"], token: ["token"], enrolment: ["joining"],
};

export function changesPage(context) {
    const timeline = new Timeline(context);
    timeline.begin();
    return { title: "Changes", element: timeline.element, update: () => timeline.update() };
}

class Timeline {
    /** By revision: {time, author, source, changes}. */
    #commits = new Map();
    /** By revision and object: the object before and after. */
    #known = new Map();
    #next = "";
    #shown = pageSize;
    #isBusy = false;
    #mayShowHosts = addressWords().has("hosts");
    #list = h("ol", { class: "timeline" });
    #foot = h("p", { class: "hint" });
    #draw = oncePerFrame(() => this.#drawNow());

    constructor(context) {
        this.context = context;
        const box = h("input", {
            type: "checkbox", id: "hosts-too",
            change: (event) => {
                this.#mayShowHosts = event.target.checked;
                keepInAddress("hosts", this.#mayShowHosts ? "too" : null);
                this.#draw();
            },
        });
        box.checked = this.#mayShowHosts;
        this.element = h("article", {}, titleBar("", "Changes", null),
            h("p", { class: "above" }, box, h("label", { for: "hosts-too" }, "Show what hosts report, too")),
            this.#list, this.#foot);
    }

    async begin() {
        await this.#replay();
        await this.#look();
        this.update();
    }

    /** Takes over what has been heard since. */
    update() {
        let isNew = false;
        for (const change of this.context.store.history) {
            const key = `${change.revision} ${change.kind} ${change.name}`;
            if (this.#known.has(key)) continue;
            this.#known.set(key, change);
            isNew = true;
            let commit = this.#commits.get(change.revision);
            if (!commit) {
                commit = { revision: change.revision, time: change.heardAt, changes: [] };
                this.#commits.set(change.revision, commit);
            }
            const isListed = commit.changes.some((one) => one.kind === change.kind && one.name === change.name);
            if (!isListed) commit.changes.push(change);
        }
        this.#draw();
        if (isNew && !this.#isBusy) this.#lookAtNewest();
    }

    /** Reads the changes of the last revisions, to know what was before and after each. */
    async #replay() {
        const revision = (await this.#read("/v1/changes"))?.to;
        if (revision === undefined) return;
        for (const depth of depths) {
            const feed = await this.#read(`/v1/changes?since=${Math.max(0, revision - depth)}`);
            if (!feed) continue;
            const last = new Map();
            for (const change of feed.changes) {
                const name = `${change.kind} ${change.name}`;
                const key = `${change.revision} ${name}`;
                if (!this.#known.has(key)) {
                    this.#known.set(key, { ...change, before: last.get(name), after: change.object });
                }
                last.set(name, change.object);
            }
            return;
        }
    }

    async #read(path) {
        try {
            return await read(path);
        } catch (error) {
            // Central no longer keeps it: then it cannot be shown.
            if (error instanceof Problem) return null;
            throw error;
        }
    }

    async #look() {
        this.#isBusy = true;
        const mark = this.#next ? `&page_token=${encodeURIComponent(this.#next)}` : "";
        const body = await this.#read(`/v1/audit?limit=${pageSize * 3}${mark}`);
        this.#take(body);
        this.#next = body?.next_page_token ?? null;
        this.#isBusy = false;
        this.#draw();
    }

    #take(body) {
        // Those of tokens are told to administrators alone.
        const items = (body?.items ?? []).filter((commit) => commit.changes.length > 0);
        for (const commit of items) this.#commits.set(commit.revision, commit);
    }

    /** Reads who made the changes that have been heard. */
    async #lookAtNewest() {
        this.#isBusy = true;
        const body = await this.#read("/v1/audit?limit=50");
        this.#take(body);
        this.#isBusy = false;
        this.#draw();
    }

    #isShown(commit) {
        if (this.#mayShowHosts) return true;
        if (commit.author) return !commit.author.startsWith("chassis/") && commit.author !== "central";
        // Without an author: what a user has not changed has kept its configuration's revision.
        return commit.changes.some((one) => {
            const known = this.#known.get(`${commit.revision} ${one.kind} ${one.name}`);
            return one.kind !== "chassis" && (!known?.after || known.after.config_revision === commit.revision);
        });
    }

    #drawNow() {
        const all = [...this.#commits.values()].sort((one, other) => other.revision - one.revision);
        const commits = all.filter((commit) => this.#isShown(commit));
        fill(this.#list, commits.slice(0, this.#shown).map((commit) => this.#entry(commit)));
        const hasMore = commits.length > this.#shown || this.#next;
        fill(this.#foot, commits.length === 0 && "No changes yet. ",
            hasMore && button("Look further back",
            async () => {
                this.#shown += pageSize;
                if (commits.length < this.#shown && this.#next) await this.#look();
                this.#draw();
            }));
    }

    #entry(commit) {
        const total = commit.change_count ?? commit.changes.length;
        return h("li", { "data-revision": commit.revision },
            h("p", {}, commit.time && time(commit.time), " ", commit.author && h("b", {}, commit.author), " ",
                h("span", { class: "hint" },
                    `revision ${commit.revision}${commit.source ? ` from ${commit.source}` : ""}`)),
            commit.changes.slice(0, changeMaximum).map((change) => this.#change(commit, change)),
            total > changeMaximum && h("p", { class: "hint" }, `and ${count(total - changeMaximum, "more object")}`));
    }

    #change(commit, change) {
        const [noun, path] = kinds[change.kind] ?? [change.kind];
        const known = this.#known.get(`${commit.revision} ${change.kind} ${change.name}`);
        const isNew = known?.after && !known.before && known.after.created_at === known.after.updated_at;
        const verb = change.op === "delete" ? "deleted" : isNew ? "created" : "changed";
        const name = path && change.op !== "delete"
            ? link(`#/${path}/${encodeURIComponent(change.name)}`, change.name) : h("b", {}, change.name);
        const head = [h("span", { class: "verb" }, verb), ` ${noun} `, name];
        const table = known?.after && (known.before || isNew) ? diffTable(told(known)) : null;
        const isShort = commit.changes.length <= openMaximum;
        return h(table ? "details" : "div", { class: `change is-${verb}`, open: isShort && table !== null },
            table ? [h("summary", {}, head), table] : head);
    }
}

/** Of an object that is new, only that is told which its user has said. */
function told({ before, after }) {
    return differences(before, after).filter(({ field, to }) => before
        || !["id", "name", "created_at"].includes(field) && !field.startsWith("status.") && !isEmpty(to));
}

function isEmpty(value) {
    return value === null || value === "" || value === false || Array.isArray(value) && value.length === 0;
}
