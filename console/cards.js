// The cards of the picture, as numbers: which there are, what each shows, and where it is. No elements are made here.
import { countStates, countWords, hostState, hostStateWords, portState } from "./state.js";
import { byName } from "./table.js";

/** Sizes in units of the picture, which are pixels at scale 1. */
export const size = { width: 252, head: 58, row: 22, foot: 30, pad: 10, gap: 26, lane: 64 };
/** Ports that a closed card shows: more would hide the other cards. */
const closedMaximum = 8;
/** Ports that an open card shows at a time. */
export const pageMaximum = 40;

/** What is opened, and the pages that are shown, for each view; kept while the console is. */
export const opened = { switches: new Map(), hosts: new Map() };

/** The order of the cards: by name at first, then as they come, so that no card moves because of another one. */
export class Order {
    #keys = [];
    #known = new Set();

    /** Takes over which cards there are. While they are loaded, they are sorted. */
    update(keys, isSettled) {
        if (!isSettled) this.#keys.length = 0, this.#known.clear();
        const fresh = keys.filter((key) => !this.#known.has(key));
        fresh.sort((one, other) => byName({ name: one }, { name: other }));
        this.#keys.push(...fresh);
        for (const key of fresh) this.#known.add(key);
        return this.#keys;
    }
}

/**
 * Returns the cards of a view, placed.
 * @param view `switches` or `hosts`
 * @param options {order, columnCount, isSettled, onlyTroubled}
 */
export function placeCards(store, view, { order, columnCount, isSettled, onlyTroubled }) {
    const table = view === "hosts" ? store.chassis : store.switches;
    const keys = order.update([...view === "hosts" ? [""] : [], ...table.keys()], isSettled);
    const cards = keys.map((key) => makeCard(store, view, key, table.get(key), onlyTroubled));
    const gap = view === "hosts" ? size.lane : size.gap;
    const heights = new Array(columnCount).fill(0);
    cards.forEach((card, index) => {
        const column = index % columnCount;
        card.x = column * (size.width + gap);
        card.y = heights[column];
        heights[column] += card.height + size.gap;
    });
    return { cards, width: columnCount * (size.width + gap) - gap, height: Math.max(0, ...heights) - size.gap };
}

/** The width of the panel that tells of what is chosen. */
const panelWidth = 310;

/** The number of columns that a width has room for, beside the panel, whether that is shown or not. */
export function columnsIn(width, view) {
    const gap = view === "hosts" ? size.lane : size.gap;
    const room = width - panelWidth > 2 * size.width ? width - panelWidth : width;
    return Math.max(1, Math.floor((room - size.gap + gap) / (size.width + gap)));
}

function makeCard(store, view, key, object, onlyTroubled) {
    const all = view === "hosts" ? store.portsOfHost(key) : store.portsOfSwitch(key);
    const ports = onlyTroubled ? all.filter((port) => portState(port) !== "up") : all;
    const counts = countStates(all);
    const isGone = !object && key !== "";
    const openPage = opened[view].get(key);
    const isOpen = openPage !== undefined && ports.length > closedMaximum;
    const page = isOpen ? Math.min(openPage, Math.floor((ports.length - 1) / pageMaximum)) : 0;
    const cells = isOpen ? ports.slice(page * pageMaximum, (page + 1) * pageMaximum)
        : ports.length <= closedMaximum ? ports : [];
    const rows = Math.ceil(cells.length / 2);
    const hasFoot = ports.length > closedMaximum;
    const height = size.head + rows * size.row + (hasFoot ? size.foot : rows > 0 ? size.pad : 0);
    const state = view === "hosts" && object ? hostState(object) : null;
    const noun = view === "hosts" ? "host" : "switch";
    const title = key === "" ? "on no host" : key;
    const words = isGone ? "deleted" : countWords(counts);
    const name = key === "" ? "ports on no host" : `${noun} ${key}`;
    const label = [name, state && hostStateWords(state), words].filter(Boolean).join(", ");
    return {
        key, view, title, state, words, label, counts, total: all.length, ports, cells, page, isOpen, isGone,
        hasFoot, height,
        pageCount: Math.ceil(ports.length / pageMaximum),
    };
}

/**
 * Returns the tunnels between hosts: pairs that have ports of the same switch.
 * @param only the host whose tunnels are wanted; all if nothing is given
 */
export function tunnels(store, only = null) {
    const switches = new Map();
    for (const host of store.chassis.keys()) {
        switches.set(host, new Set(store.portsOfHost(host).map((port) => port.switch)));
    }
    const hosts = [...switches.keys()].sort();
    const found = [];
    for (let one = 0; one < hosts.length; one += 1) {
        for (let other = one + 1; other < hosts.length; other += 1) {
            const [from, to] = [hosts[one], hosts[other]];
            if (only !== null && from !== only && to !== only) continue;
            const shared = [...switches.get(from)].filter((name) => switches.get(to).has(name));
            if (shared.length === 0) continue;
            const isLost = [from, to].some((host) => hostState(store.chassis.get(host)) === "lost");
            found.push({ from, to, shared, isLost });
        }
    }
    return found;
}

/** A name that fits into so many letters: its middle is left out, since names differ at their ends. */
export function shortened(name, length) {
    if (name.length <= length) return name;
    const tail = Math.floor((length - 1) / 2);
    return `${name.slice(0, length - 1 - tail)}…${name.slice(-tail)}`;
}
