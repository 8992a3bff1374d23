// The list of hosts, and the page of one.
import { hostAdvice } from "./advice.js";
import { Problem, read } from "./api.js";
import { Counters, hostRows } from "./counters.js";
import { confirmDeletion, livePage, missing, titleBar } from "./detail.js";
import { button, count, h, link, oncePerFrame } from "./dom.js";
import { adviceBoxes, facts, hostLink, PagedTable, said } from "./facts.js";
import { historyOf } from "./history.js";
import { encapText, portTable } from "./ports.js";
import { askHosts, hostFindings, HostReport } from "./report.js";
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
    const stop = new AbortController();
    const reports = new Map();
    const table = new PagedTable("host", [
        { title: "Host", cell: (host) => hostLink(host.name) },
        { title: "State", cell: hostBadge },
        { title: "Newest revision", cell: (host) => realized(laggards, host) },
        { title: "Version", cell: (host) => reports.get(host.name)?.status?.version ?? "" },
        { title: "Lease", cell: (host) => leaseCell(reports.get(host.name)) },
        { title: "Findings", cell: (host) => findingsCell(reports.get(host.name)) },
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
    // Reads what only hosts know when somebody looks, and again when asked to.
    const look = () => askHosts(
        store.chassis.sorted.filter((host) => hostState(host) !== "lost").map((host) => host.name)
            .slice(0, PagedTable.rowMaximum),
        stop.signal,
        (name, report) => {
            reports.set(name, report);
            drawSoon();
        });
    const drawSoon = oncePerFrame(draw);
    let hasLooked = false;
    const lookOnce = () => {
        if (hasLooked || store.connection !== "live") return;
        hasLooked = true;
        look();
    };
    lookOnce();
    const element = h("article", {}, titleBar("", "Hosts", null, [button("Ask the hosts again", look)]), sentence,
        table.element);
    const leave = () => {
        laggards.close();
        stop.abort();
    };
    const follow = () => {
        update();
        lookOnce();
    };
    return { title: "Hosts", element, update: follow, leave };
}

function leaseCell(report) {
    const session = report?.status?.session;
    return session ? `${session.lease_seconds} s` : "";
}

function findingsCell(report) {
    if (!report) return "";
    if (!report.status) return h("span", { class: "none", title: report.reason }, "no answer");
    const found = hostFindings(report.status, document.body.dataset.version);
    return found.length === 0 ? "none" : count(found.length, "finding");
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
    let [report, counters] = [null, null];
    const leave = () => {
        report?.close();
        counters?.close();
        report = counters = null;
    };
    // A host that is dead cannot be asked.
    const follow = (host) => {
        const isAsked = host !== undefined && hostState(host) !== "lost";
        if (!isAsked) return leave();
        report ??= new HostReport(store, name);
        counters ??= new Counters(`/v1/chassis/${encodeURIComponent(name)}/statistics`, hostRows);
    };
    const page = livePage(`Host ${name}`, watched, () => {
        const host = store.chassis.get(name);
        follow(host);
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
            report?.element,
            counters?.element,
            h("h2", {}, "Ports"), ports.element,
            history.element,
        ];
    });
    const update = () => {
        page.update();
        report?.update();
    };
    return { ...page, update, leave };
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
