// The list of hosts, and the page of one.
import { hostAdvice } from "./advice.js";
import { Problem, read } from "./api.js";
import { confirmDeletion, livePage, missing, titleBar } from "./detail.js";
import { button, count, h, link } from "./dom.js";
import { adviceBoxes, facts, hostLink, PagedTable, said } from "./facts.js";
import { historyOf } from "./history.js";
import { encapText, portTable } from "./ports.js";
import { searchText } from "./search.js";
import { countStates, hostBadge, hostState } from "./state.js";
import { countMarks } from "./switches.js";

/** The seconds for which central holds the question who lags behind. */
const patience = 20;

/**
 * Watches which hosts have not yet applied a revision. The answer is held by central until all have, or time runs out.
 */
class Laggards {
    #stop = new AbortController();
    #asked = -1;
    /** The names, and the revision that they lack. */
    pending = new Set();
    revision = null;

    constructor(store, changed) { Object.assign(this, { store, changed }); }

    /** Asks about the newest revision, if that has not been asked about. */
    async look() {
        if (this.store.connection !== "live" || this.#asked === this.store.revision) return;
        const revision = this.#asked = this.store.revision;
        try {
            this.#take(revision, await this.#ask(revision, 0));
            while (this.pending.size > 0 && this.#asked === revision) {
                this.#take(revision, await this.#ask(revision, patience));
            }
        } catch (error) {
            if (!(error instanceof Problem) && error.name !== "AbortError") throw error;
        }
    }

    #ask(revision, wait) {
        return read(`/v1/realization?revision=${revision}&wait=${wait}`, { signal: this.#stop.signal });
    }

    #take(revision, { pending }) {
        if (this.#asked !== revision) return;
        this.pending = new Set(pending);
        this.revision = revision;
        this.changed();
    }

    close() {
        this.#asked = -1;
        this.#stop.abort();
    }
}

export function hostsPage(context) {
    const { store } = context;
    const sentence = h("p", { class: "hint", role: "status" });
    const table = new PagedTable("host", [
        { title: "Host", cell: (host) => hostLink(host.name) },
        { title: "State", cell: hostBadge },
        { title: "Newest revision", cell: (host) => realized(laggards, host) },
        { title: "Ports", cell: (host) => countMarks(countStates(store.portsOfHost(host.name))) },
        { title: "Tunnels end at", cell: encapText },
        { title: "Hostname", cell: (host) => host.hostname },
        { title: "Physical networks", cell: (host) => (host.physical_networks ?? []).join(", ") },
    ], searchText);
    const draw = () => {
        const hosts = store.chassis.sorted;
        const live = hosts.filter((host) => hostState(host) !== "lost").length;
        sentence.textContent = `${count(hosts.length, "host")}, ${live} of them live. ${lagSentence(laggards)}`;
        table.items = hosts;
    };
    const laggards = new Laggards(store, draw);
    const update = () => {
        draw();
        laggards.look();
    };
    update();
    const element = h("article", {}, titleBar("", "Hosts", null), sentence, table.element);
    return { title: "Hosts", element, update, leave: () => laggards.close() };
}

function realized(laggards, host) {
    if (laggards.revision === null) return "";
    if (hostState(host) === "lost") return "not asked, it is dead";
    return laggards.pending.has(host.name) ? `lacks revision ${laggards.revision}` : "applied";
}

function lagSentence(laggards) {
    if (laggards.revision === null) return "";
    const { pending, revision } = laggards;
    return pending.size === 0 ? `All live ones have applied revision ${revision}.`
        : `${[...pending].slice(0, 10).join(", ")} ${pending.size === 1 ? "has" : "have"} `
            + `not applied revision ${revision} yet.`;
}

export function hostPage(context, name) {
    const { store } = context;
    const ports = portTable(context, { isOfHost: true });
    const history = historyOf(context, "chassis", name);
    const watched = () => [store.connection, store.chassis.get(name), store.portsOfHost(name)];
    return livePage(`Host ${name}`, watched, () => {
        const host = store.chassis.get(name);
        if (!host) return missing(context, "host", name);
        const list = store.portsOfHost(name);
        ports.items = list;
        return [
            titleBar("host", name, hostBadge(host), actions(context, host)),
            adviceBoxes(hostAdvice(host)),
            facts([
                ["Hostname", host.hostname],
                ["Tunnels end at", encapText(host)],
                ["Ports", [countMarks(countStates(list))]],
                ["Switches", [...new Set(list.map((port) => port.switch))].sort().slice(0, 50).join(", ")],
                said("Physical networks", (host.physical_networks ?? []).join(", ")),
                ["Chassis ID", host.chassis_id],
                ["Revision", host.revision],
            ]),
            h("h2", {}, "Ports"), ports.element,
            history.element,
        ];
    });
}

function actions(context, host) {
    const path = encodeURIComponent(host.name);
    const text = `Forget the host ${host.name}? Its name, its tunnels' addresses and its ports become free; `
        + "an agent that runs there registers again.";
    return [
        link(`#/topology?view=hosts&host=${path}`, "In the picture"),
        ...context.isAdmin ? [button("Forget", () => confirmDeletion(text, `/v1/chassis/${path}`,
            () => context.go("#/hosts")), { class: "danger" })] : [],
    ];
}
