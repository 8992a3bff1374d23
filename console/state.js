// The states of ports and hosts, in words and marks. Each state has a shape of its own beside its colour.
import { h, s } from "./dom.js";

/** The states in the order in which they are counted and shown. */
export const states = ["up", "pending", "blocked", "lost", "unplugged", "disabled"];

const words = {
    up: "up", pending: "pending", blocked: "blocked", lost: "lost", unplugged: "not plugged in", disabled: "disabled",
};
const hostWords = { up: "live", pending: "held", lost: "dead" };

const statesByReason = {
    "not-programmed": "pending", "chassis-lost": "lost", "disabled": "disabled", "not-plugged": "unplugged",
};

/** Returns the state of a port. A reason that an older console does not know is a port that something blocks. */
export function portState(port) {
    if (port.status.up) return "up";
    return statesByReason[port.status.reason] ?? "blocked";
}

/** Returns the state of a host: `up` is live, `pending` holds its network back, `lost` is dead. */
export function hostState(host) {
    if (!host.status.live) return "lost";
    return host.status.held ? "pending" : "up";
}

/** Returns a port's state in words, with the reason behind it. */
export function portWords(port) {
    const state = portState(port);
    if (state === "up") return "up";
    return state === "disabled" || state === "unplugged" ? words[state] : `${words[state]}, ${port.status.reason}`;
}

/** Returns the words of a state of ports. */
export function stateWords(state) { return words[state]; }

/** Returns the words of a host's state. */
export function hostStateWords(state) { return hostWords[state]; }

/** Returns the mark of a state, for text. */
export function mark(state) {
    return s("svg", { class: `mark is-${state}`, "aria-hidden": "true" }, s("use", { href: `#mark-${state}` }));
}

/** Returns a mark with words. */
export function badge(state, text) {
    return h("span", { class: `badge is-${state}` }, mark(state), text);
}

export function portBadge(port) { return badge(portState(port), portWords(port)); }

export function hostBadge(host) { return badge(hostState(host), hostWords[hostState(host)]); }

/** Returns the numbers of ports by state. */
export function countStates(ports) {
    const counts = Object.fromEntries(states.map((state) => [state, 0]));
    for (const port of ports) counts[portState(port)] += 1;
    return counts;
}

/** `3 up, 1 lost`; `no ports` for none. */
export function countWords(counts) {
    const text = states.filter((state) => counts[state] > 0)
        .map((state) => `${counts[state].toLocaleString("en")} ${words[state]}`);
    return text.length > 0 ? text.join(", ") : "no ports";
}
