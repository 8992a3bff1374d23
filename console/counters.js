// Live counters of a port or a host, as the host tells them once a second: what comes and goes, and what is dropped and
// why.
import { events, Problem } from "./api.js";
import { fill, h, s } from "./dom.js";

/** The rates that a line shows: a minute of them. */
const rateMaximum = 60;
/** The milliseconds after which a stream that has ended is asked for again. */
const patience = 2000;
const [width, height] = [120, 24];

/** A counter: its newest value, and its rates by the second. */
class Counter {
    value = null;
    rates = [];

    take(value, seconds) {
        if (this.value !== null && seconds > 0) {
            // A counter that is lower than before began anew.
            const rise = value >= this.value ? value - this.value : value;
            this.rates = [...this.rates, rise / seconds].slice(-rateMaximum);
        }
        this.value = value;
    }

    get rate() { return Math.round(this.rates.at(-1) ?? 0); }

    line() {
        const top = Math.max(1, ...this.rates);
        const step = width / (rateMaximum - 1);
        const first = rateMaximum - this.rates.length;
        const points = this.rates.map((rate, index) =>
            `${((first + index) * step).toFixed(1)},${(height - 1 - (height - 2) * rate / top).toFixed(1)}`);
        return s("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
            s("polyline", { points: points.join(" ") }));
    }
}

function portRows({ statistics }) {
    return [
        ["from the guest", statistics.rx_frames], ["to the guest", statistics.tx_frames],
        ...Object.entries(statistics.answers ?? {}).map(([kind, frames]) => [`answered: ${kind}`, frames]),
        ...Object.entries(statistics.drops ?? {}).map(([reason, frames]) => [`dropped: ${reason}`, frames]),
    ];
}

/** Returns the counters of a host: those of its ports in all, those of the underlay, and what is dropped anywhere. */
export function hostRows({ ports = [], underlay, drops = {} }) {
    let [received, sent] = [0, 0];
    const dropped = new Map(Object.entries(drops));
    for (const { statistics } of ports) {
        if (!statistics) continue;
        received += statistics.rx_frames;
        sent += statistics.tx_frames;
        for (const [reason, frames] of Object.entries(statistics.drops ?? {})) {
            dropped.set(reason, (dropped.get(reason) ?? 0) + frames);
        }
    }
    return [
        ["from guests", received], ["to guests", sent],
        ...underlay ? [["from other hosts", underlay.rx_frames], ["to other hosts", underlay.tx_frames]] : [],
        ...[...dropped].map(([reason, frames]) => [`dropped: ${reason}`, frames]),
    ];
}

export class Counters {
    #counters = new Map();
    #heardAt = null;
    #stop = new AbortController();
    #table = h("tbody", {});
    #note = h("p", { class: "hint", role: "status" }, "Asking the host …");
    element = h("section", { class: "counters" }, h("h2", {}, "Counters"), this.#note,
        h("table", {}, h("thead", {}, h("tr", {},
            h("th", {}, "Frames"), h("th", {}, "A second"), h("th", {}, "In all"), h("th", {}, "The last minute"))),
            this.#table));

    /**
     * @param path the counters of a port or a host at central
     * @param rows gives the titles and numbers of frames in an answer
     */
    constructor(path, rows = portRows) {
        this.rows = rows;
        this.#follow(path);
    }

    close() { this.#stop.abort(); }

    async #follow(path) {
        const { signal } = this.#stop;
        while (!signal.aborted) {
            try {
                for await (const { type, data } of events(path, "", signal)) {
                    if (type === "statistics") this.#take(this.rows(JSON.parse(data)));
                    if (type === "problem") this.#note.textContent = JSON.parse(data).detail;
                }
            } catch (error) {
                if (signal.aborted) return;
                this.#note.textContent = error instanceof Problem ? error.message : "Central does not answer.";
            }
            await new Promise((resolve) => {
                const alarm = setTimeout(resolve, patience);
                signal.addEventListener("abort", () => { clearTimeout(alarm); resolve(); }, { once: true });
            });
        }
    }

    #take(rows) {
        const now = performance.now();
        const seconds = this.#heardAt === null ? 0 : (now - this.#heardAt) / 1000;
        this.#heardAt = now;
        this.#note.textContent = "";
        for (const [title, frames] of rows) {
            if (!this.#counters.has(title)) this.#counters.set(title, new Counter());
            this.#counters.get(title).take(Number(frames), seconds);
        }
        fill(this.#table, [...this.#counters].map(([title, counter]) =>
            h("tr", { class: title.startsWith("dropped") ? "is-dropped" : "" }, h("th", { scope: "row" }, title),
                h("td", {}, counter.rate.toLocaleString("en")), h("td", {}, counter.value.toLocaleString("en")),
                h("td", {}, counter.line()))));
    }
}
