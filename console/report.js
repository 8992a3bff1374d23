// The words of a host about itself when it is asked: version, lease, tables, and what is wrong there. Nothing of it is
// in the network's log, so it is read when somebody looks, and again when the network has changed.
import { Problem, read } from "./api.js";
import { fill, h } from "./dom.js";
import { adviceBoxes, facts, said } from "./facts.js";

/** The seconds by which two clocks may differ. */
const skewMaximum = 5;
/** Hosts that are asked at a time. */
const askedMaximum = 6;
/** The milliseconds between two questions to a host. */
const pause = 2000;

/** Returns what a host says of itself, or the reason why it says nothing: {status} or {reason}. */
export async function askHost(name, signal) {
    try {
        return { status: await read(`/v1/chassis/${encodeURIComponent(name)}/status`, { signal }) };
    } catch (error) {
        if (error instanceof Problem) return { reason: error.message };
        throw error;
    }
}

/** Asks many hosts, some at a time; `told` hears each of them. */
export async function askHosts(names, signal, told) {
    const left = [...names];
    const work = async () => {
        while (left.length > 0 && !signal.aborted) {
            const name = left.shift();
            told(name, await askHost(name, signal));
        }
    };
    try {
        await Promise.all(Array.from({ length: askedMaximum }, work));
    } catch (error) {
        if (error.name !== "AbortError") throw error;
    }
}

/** Returns what is wrong with a host, as `heddle doctor` there says it, as far as its agent can tell. */
export function hostFindings(status, centralVersion) {
    const { central = {}, forwarder = {}, share = {}, ports = {} } = status;
    const findings = [];
    const find = (sentence, ...commands) => findings.push({ sentence, commands });
    if (centralVersion && status.version !== centralVersion) {
        find(`The agent is ${status.version}, and central is ${centralVersion}. Install one version on both, central `
            + "first, then there:", "systemctl restart heddle-agent");
    }
    const ahead = central.clock_seconds_ahead ?? 0;
    if (Math.abs(ahead) > skewMaximum) {
        find(`Central's clock is ${Math.abs(ahead)} s ${ahead > 0 ? "ahead of" : "behind"} this host's. Let both keep `
            + "time by NTP; see on either:", "timedatectl");
    }
    if (forwarder.running === false) {
        find("The agent is not in touch with a forwarder; packets of this host's ports may go nowhere. There:",
            "journalctl -u heddle-agent", "systemctl restart heddle-forwarder");
    } else if (forwarder.applied < share.revision) {
        find(`The forwarder has the tables of revision ${forwarder.applied}, and the agent knows ${share.revision}. If `
            + "it stays behind, there:", "journalctl -u heddle-agent");
    }
    if (ports.up < ports.plugged) {
        find(`${ports.plugged - ports.up} of ${ports.plugged} plugged ports are not up. There:`, "heddle port list");
    }
    return findings;
}

/** The report of one host, which goes on as the network changes. */
export class HostReport {
    #stop = new AbortController();
    #askedAt = null;
    #isWanted = false;
    #isAsking = false;
    element = h("section", { class: "report" }, h("p", { class: "hint", role: "status" }, "Asking the host …"));

    constructor(store, name) {
        Object.assign(this, { store, name });
        this.update();
    }

    close() { this.#stop.abort(); }

    /** Asks if the network has changed since it was asked. */
    async update() {
        if (this.#askedAt === this.store.revision) return;
        this.#isWanted = true;
        if (this.#isAsking) return;
        this.#isAsking = true;
        const { signal } = this.#stop;
        try {
            while (this.#isWanted && !signal.aborted) {
                this.#isWanted = false;
                this.#askedAt = this.store.revision;
                this.#draw(await askHost(this.name, signal));
                await new Promise((resolve) => { setTimeout(resolve, pause); });
            }
        } catch (error) {
            if (error.name !== "AbortError") throw error;
        }
        this.#isAsking = false;
    }

    #draw({ status, reason }) {
        if (!status) {
            fill(this.element, h("h2", {}, "What it says"), h("p", { class: "hint", role: "status" }, reason));
            return;
        }
        const findings = hostFindings(status, document.body.dataset.version);
        const { central = {}, forwarder = {}, share = {}, ports = {}, session } = status;
        fill(this.element, h("h2", {}, "What it says"),
            findings.length === 0 && h("p", { class: "hint", role: "status" }, "All that its agent can tell is well."),
            adviceBoxes(findings),
            facts([
                ["Version", status.version],
                session ? ["Lease", leaseWords(session)] : null,
                ["Applied", appliedWords(session?.applied ?? forwarder.applied, share.revision)],
                ["Forwarder", forwarder.running ? "running" : "not in touch with the agent"],
                ["Ports plugged in", `${ports.plugged}, ${ports.up} of them up`],
                said("Packets of guests", status.inner_mtu && `up to ${status.inner_mtu} bytes`),
                said("Central's clock", clockWords(central.clock_seconds_ahead)),
            ]));
    }
}

/** Returns how long a host still counts as live. */
export function leaseWords(session) {
    return `ends in ${session.lease_seconds} s, unless central hears from it`;
}

function appliedWords(applied, known) {
    return applied < known ? `revision ${applied}; it knows ${known}` : `revision ${applied}, all that it knows`;
}

function clockWords(seconds) {
    if (seconds === null || seconds === undefined) return null;
    return Math.abs(seconds) <= skewMaximum ? "agrees with the host's"
        : `${Math.abs(seconds)} s ${seconds > 0 ? "ahead" : "behind"}`;
}
