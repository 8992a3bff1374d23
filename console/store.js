// The network as central has it: listed once, then kept by the stream of changes.
import { events, pages, Problem } from "./api.js";
import { ObjectTable } from "./table.js";

/** The kinds that are kept whole, by their names in changes. */
const lists = { chassis: "/v1/chassis", logical_switch: "/v1/switches", logical_switch_port: "/v1/ports" };
/** Changes that are kept with their objects before and after. */
const historyMaximum = 500;
/** The milliseconds between attempts to reach a central that is gone: at first, and at most. */
const [patienceMinimum, patienceMaximum] = [250, 5000];

export class Store extends EventTarget {
    chassis = new ObjectTable();
    switches = new ObjectTable();
    ports = new ObjectTable();
    /** The newest changes, oldest first: {revision, op, kind, name, before, after, heardAt}. */
    history = [];
    revision = 0;
    /** `loading`, `live`, `lost` or `ended`. */
    connection = "loading";
    #tables = { chassis: this.chassis, logical_switch: this.switches, logical_switch_port: this.ports };
    #others = new Map();
    #bySwitch = new Groups();
    #byHost = new Groups();
    #place = null;
    #stop = new AbortController();

    /** The ports of a switch, by name. */
    portsOfSwitch(name) { return this.#bySwitch.list(name); }

    /** The ports that a host has, by name; those of no host under the empty name. */
    portsOfHost(name) { return this.#byHost.list(name); }

    /** Follows central until it is closed. A central that is gone comes back: then it goes on where it was. */
    async follow() {
        let patience = patienceMinimum;
        while (!this.#stop.signal.aborted) {
            const attention = new Attention(this.#stop.signal);
            await attention.come();
            try {
                if (this.#place === null) await this.#load();
                for await (const event of events("/v1/changes", this.#place, attention.signal)) {
                    patience = patienceMinimum;
                    if (!this.#hear(event)) break;
                }
            } catch (error) {
                if (this.#stop.signal.aborted) return;
                if (this.#isFinal(error)) return;
            } finally {
                attention.end();
            }
            if (this.#stop.signal.aborted) return;
            if (document.hidden) continue;
            this.#become("lost");
            await this.#pause(patience);
            patience = Math.min(patience * 2, patienceMaximum);
        }
    }

    close() { this.#stop.abort(); }

    /** Waits a moment, or until the browser says that the network is there again. */
    #pause(time) {
        return new Promise((resolve) => {
            const end = () => {
                clearTimeout(alarm);
                removeEventListener("online", end);
                resolve();
            };
            const alarm = setTimeout(end, time);
            addEventListener("online", end);
        });
    }

    #isFinal(error) {
        if (!(error instanceof Problem) || ![401, 403].includes(error.status)) return false;
        this.#become("ended");
        this.dispatchEvent(new CustomEvent("refused", { detail: error }));
        return true;
    }

    async #load() {
        this.#become("loading");
        const [found, signal] = [{}, this.#stop.signal];
        let place = null;
        for (const [kind, path] of Object.entries(lists)) {
            found[kind] = new Map();
            for await (const { body, head } of pages(`${path}?limit=5000`, { signal })) {
                place ??= { revision: body.revision, epoch: head.get("Heddle-Epoch"), hash: head.get("Heddle-Hash") };
                for (const object of body.items) found[kind].set(object.name, object);
                this.#replace(kind, found[kind]);
            }
        }
        for (const [kind, objects] of Object.entries(found)) this.#replace(kind, objects, true);
        this.revision = place.revision;
        // Central begins each list at its newest revision: what has changed since the first one comes as changes.
        this.#place = `${place.epoch}-${place.revision}-${place.hash}`;
    }

    /** Takes over a list as far as it is there; at its end what is not in it is gone. */
    #replace(kind, objects, isWhole = false) {
        for (const [name, object] of objects) {
            if (this.#tables[kind].get(name) !== object) this.#set(kind, name, object);
        }
        if (isWhole) {
            for (const name of [...this.#tables[kind].keys()]) if (!objects.has(name)) this.#set(kind, name, undefined);
        }
        this.#changed();
    }

    /** @returns false when the stream cannot go on from where it is. */
    #hear(event) {
        if (event.type === "gone") {
            this.#place = null;
            return false;
        }
        if (event.type === "problem") throw new Problem(JSON.parse(event.data).status, JSON.parse(event.data));
        if (event.type === "changes") {
            const feed = JSON.parse(event.data);
            for (const change of feed.changes) this.#apply(change);
            this.revision = feed.to;
            this.#changed();
        }
        this.#place = event.id;
        this.#become("live");
        return true;
    }

    #apply(change) {
        const table = this.#tables[change.kind];
        const key = `${change.kind} ${change.name}`;
        const before = table ? table.get(change.name) : this.#others.get(key);
        // A list may be newer than the revision that the stream goes on from.
        const isOld = before !== undefined && before.revision >= (change.object?.revision ?? change.revision + 1);
        if (isOld || change.op === "delete" && before === undefined && table) return;
        if (table) this.#set(change.kind, change.name, change.object);
        else if (change.object) this.#others.set(key, change.object);
        else this.#others.delete(key);
        this.history.push({ ...change, before, after: change.object, heardAt: new Date() });
        if (this.history.length > historyMaximum) this.history.splice(0, this.history.length - historyMaximum);
    }

    #set(kind, name, object) {
        const table = this.#tables[kind];
        if (kind === "logical_switch_port") {
            const before = table.get(name);
            this.#bySwitch.move(name, before, before?.switch, object, object?.switch);
            this.#byHost.move(name, before, before && (before.status.chassis ?? ""), object,
                object && (object.status.chassis ?? ""));
        }
        if (object) table.set(name, object);
        else table.delete(name);
    }

    #become(connection) {
        if (this.connection === connection) return;
        this.connection = connection;
        this.dispatchEvent(new Event("connection"));
    }

    #changed() { this.dispatchEvent(new Event("change")); }
}

/**
 * The time in which the page is seen. A page behind others lets go of its stream, and goes on where it was when it is
 * seen again: a browser has six connections to a central without TLS, for all of its tabs.
 */
class Attention {
    #stop = new AbortController();
    #watch = () => {
        if (document.hidden) this.#stop.abort();
        else this.#seen?.();
    };
    #seen = null;

    constructor(signal) {
        this.outer = signal;
        this.signal = AbortSignal.any([signal, this.#stop.signal]);
        document.addEventListener("visibilitychange", this.#watch);
    }

    /** Waits until the page is seen, or is left. */
    async come() {
        if (!document.hidden || this.outer.aborted) return;
        await new Promise((resolve) => {
            this.#seen = resolve;
            this.outer.addEventListener("abort", resolve, { once: true });
        });
    }

    end() { document.removeEventListener("visibilitychange", this.#watch); }
}

/** Ports by something that they have in common. */
class Groups {
    #groups = new Map();

    move(name, before, from, after, to) {
        if (before && (from !== to || !after)) {
            const group = this.#groups.get(from);
            group.delete(name);
            if (group.size === 0) this.#groups.delete(from);
        }
        if (!after) return;
        let group = this.#groups.get(to);
        if (!group) this.#groups.set(to, group = new ObjectTable());
        group.set(name, after);
    }

    list(key) { return this.#groups.get(key)?.sorted ?? nothing; }
}

/** The list of a group that is not there: always the same one. */
const nothing = [];
