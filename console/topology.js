// The picture of the network: switches with their ports, or hosts with theirs.
import { hostAdvice, portAdvice } from "./advice.js";
import { columnsIn, opened, Order, pageMaximum, placeCards, tunnels } from "./cards.js";
import { button, fill, h, keepInAddress, link } from "./dom.js";
import { hostLink, portLink, switchLink } from "./facts.js";
import { Picture } from "./picture.js";
import { addressTexts, encapText } from "./ports.js";
import { countStates, hostBadge, mark, portBadge, states, stateWords } from "./state.js";
import { countMarks } from "./switches.js";

/** With more hosts only the tunnels of the chosen one are drawn: all of them would be a black plane. */
const tunnelHostMaximum = 12;

/** The kinds of what can be chosen. */
const kinds = ["port", "switch", "host"];

export function topologyPage(context, query) {
    const page = new TopologyPage(context, query);
    return {
        title: "Topology", element: page.element, update: () => page.draw(), shown: () => page.begin(), leave: () =>
            page.leave(),
    };
}

class TopologyPage {
    #order = new Order();
    #columnCount = 0;
    #onlyTroubled = false;
    #revealed = false;
    #legend = h("div", { class: "legend" });
    #panel = h("aside", { class: "panel", "aria-label": "What is chosen", hidden: true });

    #empty = h("p", { class: "empty", hidden: true });

    constructor(context, query) {
        this.context = context;
        this.view = query.get("view") === "hosts" ? "hosts" : "switches";
        this.selection = kinds.filter((kind) => query.has(kind))
            .map((kind) => ({ kind, name: query.get(kind) }))[0] ?? null;
        this.picture = new Picture(this.view, {
            toggle: (key) => this.#toggle(key),
            turn: (key, step) => this.#turn(key, step),
            select: ({ port }) => this.#select({ kind: "port", name: port }),
            resize: () => this.#resize(),
        });
        const troubled = h("input", {
            type: "checkbox", id: "troubled", change: (event) => {
                this.#onlyTroubled = event.target.checked;
                keepInAddress("only", this.#onlyTroubled ? "down" : null);
                this.draw();
            },
        });
        troubled.checked = this.#onlyTroubled = query.get("only") === "down";
        const views = [["switches", "Switches", "#/topology"], ["hosts", "Hosts", "#/topology?view=hosts"]];
        this.element = h("article", { class: "topology" },
            h("h1", { class: "unseen" }, "Topology"),
            h("div", { class: "toolbar" },
                h("div", { class: "views", role: "group", "aria-label": "View" }, views.map(([view, title, href]) =>
                    h("a", { href, "aria-current": view === this.view ? "true" : null }, title))),
                h("label", { class: "check" }, troubled, "Only ports that are not up"), this.#legend,
                h("div", { class: "zoom", role: "group", "aria-label": "Size" },
                    button("−", () => this.picture.zoom(0.8), { "aria-label": "smaller" }),
                    button("+", () => this.picture.zoom(1.25), { "aria-label": "larger" }),
                    button("Fit", () => this.picture.fit(), { "aria-label": "show all" }))),
            h("div", { class: "stage-area" }, this.picture.element, this.#empty, this.#panel));
    }

    begin() {
        this.#columnCount = columnsIn(this.picture.width, this.view);
        this.draw();
    }

    leave() { this.picture.close(); }

    #resize() {
        const columnCount = columnsIn(this.picture.width, this.view);
        if (columnCount === this.#columnCount) return;
        this.#columnCount = columnCount;
        this.draw();
    }

    draw() {
        const { store } = this.context;
        if (this.#columnCount === 0) return;
        const isSettled = store.connection !== "loading";
        this.#openSelection();
        const placed = placeCards(store, this.view, {
            order: this.#order, columnCount: this.#columnCount, isSettled, onlyTroubled: this.#onlyTroubled,
        });
        const selected = this.selection && `${this.selection.kind} ${this.selection.name}`;
        this.picture.show(placed, selected, this.#lines());
        this.#drawLegend();
        this.#drawEmpty(isSettled);
        this.#drawPanel();
        if (this.#revealed || !this.selection) return;
        const key = this.#cardOf(this.selection);
        if (key === undefined) return;
        this.#revealed = true;
        this.picture.reveal(key);
    }

    #lines() {
        if (this.view !== "hosts") return [];
        const { store } = this.context;
        const chosen = this.selection?.kind === "host" && store.chassis.has(this.selection.name)
            ? this.selection.name : null;
        if (chosen === null && store.chassis.size > tunnelHostMaximum) return [];
        return tunnels(store, chosen);
    }

    /** The card that has what is chosen; nothing if it is not there, or not yet. */
    #cardOf({ kind, name }) {
        const { store } = this.context;
        if (kind !== "port") return (kind === "host" ? store.chassis : store.switches).has(name) ? name : undefined;
        const port = store.ports.get(name);
        return port && (this.view === "hosts" ? port.status.chassis ?? "" : port.switch);
    }

    /** Opens the card of the port that the address names, once, at its page. */
    #openSelection() {
        if (this.#revealed || this.selection?.kind !== "port") return;
        const key = this.#cardOf(this.selection);
        if (key === undefined) return;
        const { store } = this.context;
        const ports = this.view === "hosts" ? store.portsOfHost(key) : store.portsOfSwitch(key);
        const index = ports.findIndex((port) => port.name === this.selection.name);
        opened[this.view].set(key, Math.floor(index / pageMaximum));
    }

    #toggle(key) {
        const isOpen = opened[this.view].has(key);
        if (isOpen) opened[this.view].delete(key);
        else opened[this.view].set(key, 0);
        if (key !== "") this.#select({ kind: this.view === "hosts" ? "host" : "switch", name: key });
        else this.draw();
    }

    #turn(key, step) {
        if (step === 0) return this.#toggle(key);
        opened[this.view].set(key, Math.max(0, (opened[this.view].get(key) ?? 0) + step));
        this.draw();
    }

    /** Chooses something. The address says it, so that it can be kept and sent. */
    #select(selection) {
        this.selection = selection;
        this.#revealed = true;
        for (const kind of kinds) keepInAddress(kind, selection?.kind === kind ? selection.name : null);
        this.draw();
    }

    #drawLegend() {
        const counts = countStates(this.context.store.ports.values());
        fill(this.#legend, states.filter((state) => counts[state] > 0 || state === "up").map((state) =>
            h("span", { class: `badge is-${state}` }, mark(state),
                `${counts[state].toLocaleString("en")} ${stateWords(state)}`)));
    }

    /** Tells what to do in a network that has nothing yet. */
    #drawEmpty(isSettled) {
        const { store, canEdit } = this.context;
        const isHosts = this.view === "hosts";
        this.#empty.hidden = !isSettled || (isHosts ? store.chassis : store.switches).size > 0;
        if (this.#empty.hidden) return;
        fill(this.#empty, isHosts ? ["No host has come yet. On each: ", h("code", {}, "heddle agent")]
            : ["There are no switches yet. ", canEdit && link("#/switches/new", "Make one"),
                canEdit && [", or ", link("#/apply", "apply a file")], canEdit && "."]);
    }

    #drawPanel() {
        const content = this.selection && this.#describe(this.selection);
        this.#panel.hidden = !content;
        if (content) fill(this.#panel, button("×", () => this.#select(null),
            { class: "small close", "aria-label": "close" }), content);
    }

    #describe({ kind, name }) {
        const { store } = this.context;
        const path = encodeURIComponent(name);
        if (kind === "port") {
            const port = store.ports.get(name);
            return port && [h("h2", {}, portLink(name)), portBadge(port), advice(portAdvice(port, store)),
                h("p", {}, "on ", hostLink(port.status.chassis), ", switch ", switchLink(port.switch)),
                addressTexts(port).map((text) => h("p", { class: "address" }, text)),
                h("p", { class: "links" }, link(`#/trace?from=${path}`, "Trace from here"),
                    link(`#/trace?to=${path}`, "Trace to here"))];
        }
        if (kind === "switch") {
            return store.switches.has(name)
                && [h("h2", {}, switchLink(name)), countMarks(countStates(store.portsOfSwitch(name))),
                h("p", { class: "links" }, this.context.canEdit && link(`#/ports/new?switch=${path}`, "New port"))];
        }
        const host = store.chassis.get(name);
        return host && [h("h2", {}, hostLink(name)), hostBadge(host), advice(hostAdvice(host)),
            h("p", {}, encapText(host)),
            countMarks(countStates(store.portsOfHost(name)))];
    }
}

function advice(list) { return list.slice(0, 1).map(({ sentence, commands }) =>
    [h("p", {}, sentence), commands.map((command) => h("p", { class: "command" }, h("code", {}, command)))]); }
