// The picture: cards in a plane that is moved and enlarged. Only the cards in sight have elements, so that thousands
// of them cost no more than those that are seen.
import { s } from "./dom.js";
import { shortened, size } from "./cards.js";
import { portState, portWords, states } from "./state.js";

const [scaleMinimum, scaleMaximum] = [0.15, 2.5];
/** Below this scale the names of ports cannot be read, and are left out. */
const farScale = 0.5;
/** The part of the plane beside what is in sight that has elements too, so that moving shows no blank edge. */
const margin = 300;

/** Where each view was left. */
const cameras = {};

export class Picture {
    #cards = [];
    #extent = { width: 0, height: 0 };
    #shown = new Map();
    #lines = s("g", { class: "tunnels" });
    #layer = s("g", {});
    #scene = s("g", { class: "scene" }, this.#lines, this.#layer);
    #frame = 0;

    /** @param act is told what a user does: `toggle`, `turn`, `select` */
    constructor(view, act) {
        Object.assign(this, { view, act });
        this.camera = cameras[view] ??= { x: size.gap, y: size.gap, scale: 1 };
        this.element = s("svg", {
            class: "picture", role: "group", "aria-label": view === "hosts" ? "hosts and their ports"
                : "switches and their ports",
            wheel: (event) => this.#wheel(event), pointerdown: (event) => this.#drag(event),
            keydown: (event) => this.#press(event), click: (event) => this.#click(event),
        }, this.#scene);
        this.observer = new ResizeObserver(() => {
            this.act.resize();
            this.#soon();
        });
        this.observer.observe(this.element);
    }

    close() {
        this.observer.disconnect();
        cancelAnimationFrame(this.#frame);
    }

    get width() { return this.element.clientWidth || 1000; }

    /** The room above the cards: tunnels go over them. */
    get top() { return this.view === "hosts" ? size.lane : size.gap; }

    get height() { return this.element.clientHeight || 600; }

    /** Shows other cards; those that are the same keep their elements. */
    show({ cards, width, height }, selected, lines) {
        this.#cards = cards;
        this.#extent = { width, height };
        this.selected = selected;
        this.#drawLines(lines);
        this.#draw();
    }

    zoom(factor, x = this.width / 2, y = this.height / 2) {
        const { camera } = this;
        const scale = Math.min(scaleMaximum, Math.max(scaleMinimum, camera.scale * factor));
        camera.x = x - (x - camera.x) * scale / camera.scale;
        camera.y = y - (y - camera.y) * scale / camera.scale;
        camera.scale = scale;
        this.#soon();
    }

    /** Shows everything, but nothing larger than it is. */
    fit() {
        const { width, height } = this.#extent;
        const scale = Math.min(1, (this.width - 2 * size.gap) / width, (this.height - 2 * size.gap) / height);
        Object.assign(this.camera, { x: size.gap, y: this.top, scale: Math.max(scaleMinimum, scale) });
        this.#soon();
    }

    /** Moves so that a card is in sight; it does not move if the card is. */
    reveal(key) {
        const card = this.#cards.find((one) => one.key === key);
        if (!card) return;
        const { camera } = this;
        const [left, top] = [card.x * camera.scale + camera.x, card.y * camera.scale + camera.y];
        const [right, bottom] = [left + size.width * camera.scale, top
            + Math.min(card.height * camera.scale, this.height * 0.8)];
        if (left < 0 || right > this.width) camera.x += size.gap - left;
        if (top < 0 || bottom > this.height) camera.y += size.gap - top;
        this.#draw();
    }

    #soon() {
        cancelAnimationFrame(this.#frame);
        this.#frame = requestAnimationFrame(() => this.#draw());
    }

    /** Keeps some of the plane in sight. */
    #hold() {
        const { camera } = this;
        const [width, height] = [this.#extent.width * camera.scale, this.#extent.height * camera.scale];
        camera.x = Math.min(Math.max(camera.x, Math.min(size.gap, this.width - width - size.gap)),
            Math.max(size.gap, this.width - width - size.gap));
        camera.y = Math.min(Math.max(camera.y, Math.min(this.top, this.height - height - size.gap)), this.top);
    }

    #draw() {
        this.#hold();
        const { x, y, scale } = this.camera;
        this.#scene.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
        this.element.classList.toggle("is-far", scale < farScale);
        const [left, top] = [-x / scale - margin, -y / scale - margin];
        const [right, bottom] = [left + this.width / scale + 2 * margin, top + this.height / scale + 2 * margin];
        const seen = new Set();
        for (const card of this.#cards) {
            if (card.x > right || card.x + size.width < left || card.y > bottom || card.y + card.height < top) continue;
            seen.add(card.key);
            this.#place(card, scale < farScale);
        }
        for (const [key, { node }] of this.#shown) {
            if (seen.has(key) || node.contains(document.activeElement)) continue;
            node.remove();
            this.#shown.delete(key);
        }
    }

    /** Puts a card in its place, and makes it anew only if it shows something else than before. */
    #place(card, isFar) {
        const cells = isFar ? [] : card.cells;
        const signature = [card.height, card.label, card.isOpen, card.page, card.pageCount, isFar, this.selected,
            ...cells.map((port) => `${port.name} ${portState(port)}`)].join("\n");
        let shown = this.#shown.get(card.key);
        if (shown?.signature !== signature) {
            const focused = shown?.node.contains(document.activeElement) ? document.activeElement.dataset.key
                : undefined;
            const node = drawCard(card, cells, this.selected);
            if (shown) shown.node.replaceWith(node);
            else this.#layer.append(node);
            if (focused) (node.dataset.key === focused ? node
                : node.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
            this.#shown.set(card.key, shown = { node, signature, place: "" });
        }
        const place = `translate(${card.x} ${card.y})`;
        if (shown.place === place) return;
        shown.node.setAttribute("transform", place);
        shown.place = place;
    }

    #drawLines(lines) {
        const places = new Map(this.#cards.map((card) => [card.key, card]));
        this.#lines.replaceChildren(...lines.map((line) => {
            const [from, to] = [places.get(line.from), places.get(line.to)];
            const shape = from.x <= to.x ? curve(from, to) : curve(to, from);
            const text = `tunnel between ${line.from} and ${line.to}, for ${line.shared.slice(0, 8).join(", ")}`
                + (line.isLost ? "; one of them is dead" : "");
            return s("path", { class: line.isLost ? "is-lost" : null, d: shape }, s("title", {}, text));
        }));
    }

    #wheel(event) {
        event.preventDefault();
        if (event.ctrlKey || event.metaKey) {
            const box = this.element.getBoundingClientRect();
            return this.zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
        }
        const unit = event.deltaMode === 1 ? 24 : 1;
        this.camera.x -= (event.shiftKey ? event.deltaY : event.deltaX) * unit;
        this.camera.y -= (event.shiftKey ? 0 : event.deltaY) * unit;
        this.#soon();
    }

    #drag(event) {
        if (event.button !== 0) return;
        const start = { x: event.clientX - this.camera.x, y: event.clientY - this.camera.y };
        const from = [event.clientX, event.clientY];
        this.hasDragged = false;
        const move = (now) => {
            this.hasDragged ||= Math.hypot(now.clientX - from[0], now.clientY - from[1]) > 4;
            if (!this.hasDragged) return;
            this.element.classList.add("is-dragged");
            Object.assign(this.camera, { x: now.clientX - start.x, y: now.clientY - start.y });
            this.#soon();
        };
        const end = () => {
            this.element.classList.remove("is-dragged");
            removeEventListener("pointermove", move);
            removeEventListener("pointerup", end);
            removeEventListener("pointercancel", end);
        };
        addEventListener("pointermove", move);
        addEventListener("pointerup", end);
        addEventListener("pointercancel", end);
    }

    #click(event) {
        if (this.hasDragged) return;
        this.#activate(event.target.closest("[data-key]"));
    }

    #activate(target) {
        if (!target) return;
        const { card, port, step } = target.dataset;
        if (step !== undefined) this.act.turn(card, Number(step));
        else if (port !== undefined) this.act.select({ port });
        else this.act.toggle(card);
    }

    #press(event) {
        const keys = { "+": 1.25, "=": 1.25, "-": 0.8 };
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key in keys) return this.zoom(keys[event.key]);
        if (event.key === "0") return this.fit();
        const target = event.target.closest("[data-key]");
        if (!target) return;
        if (event.key === "Enter" || event.key === " ") this.#activate(target);
        else if (event.key.startsWith("Arrow")) this.#step(target, event.key);
        else if (event.key === "Escape") target.closest(".card").focus();
        else return;
        event.preventDefault();
    }

    /** Moves the focus: from card to card to the sides, and down into a card's ports. */
    #step(target, key) {
        const card = target.closest(".card");
        const cells = [...card.querySelectorAll(".cell, .turn")];
        const index = cells.indexOf(target);
        const isCell = index >= 0;
        const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -2, ArrowDown: 2 };
        if (isCell || key === "ArrowDown") {
            const next = isCell ? cells[Math.min(index + steps[key], cells.length - 1)] : cells[0];
            (next ?? card).focus();
            return;
        }
        const at = this.#cards.findIndex((one) => one.key === card.dataset.card);
        const other = this.#cards[at + (key === "ArrowRight" ? 1 : -1)];
        if (!other) return;
        this.reveal(other.key);
        this.#shown.get(other.key)?.node.focus();
    }
}

/** The way of a tunnel: between neighbors straight through the lane, over the cards to others of the same row. */
function curve(left, right) {
    if (left.y === right.y && right.x - left.x > size.width + size.lane) {
        const rise = Math.min(70, 30 + (right.x - left.x) / 40);
        const [x1, x2, y] = [left.x + size.width * 0.7, right.x + size.width * 0.3, left.y];
        return `M${x1} ${y}C${x1 + rise} ${y - rise} ${x2 - rise} ${y - rise} ${x2} ${y}`;
    }
    const isSameColumn = left.x === right.x;
    const [x1, y1] = [left.x + (isSameColumn ? 0 : size.width), left.y + size.head / 2];
    const [x2, y2] = [right.x, right.y + size.head / 2];
    const bend = isSameColumn ? -size.lane * 0.7 : Math.max(size.lane / 2, (x2 - x1) / 2);
    return `M${x1} ${y1}C${x1 + bend} ${y1} ${isSameColumn ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`;
}

function use(state, x, y, side = 11) {
    return s("use", { class: `is-${state}`, href: `#mark-${state}`, x, y, width: side, height: side });
}

function drawCard(card, cells, selected) {
    const isSelected = selected === `${card.view === "hosts" ? "host" : "switch"} ${card.key}`;
    const classes = ["card", card.isGone && "is-gone", card.key === "" && "is-none", isSelected && "is-selected",
        card.state && `is-${card.state}`];
    return s("g", {
        class: classes.filter(Boolean).join(" "), tabindex: 0, role: "button", "aria-label": card.label,
        "aria-expanded": card.hasFoot ? String(card.isOpen) : null, "data-key": `card ${card.key}`,
            "data-card": card.key,
    }, s("title", {}, card.label),
    s("rect", { class: "body", width: size.width, height: card.height, rx: 9 }),
    card.state ? use(card.state, 12, 13, 13)
        : s("path", { class: "loom", d: "M13 14v11M18.5 14v11M24 14v11M11 19.5h15" }),
    s("text", { class: "title", x: 33, y: 24 }, shortened(card.title, 25)),
    drawCounts(card),
    drawBar(card),
    cells.map((port, index) => drawCell(card, port, index, selected)),
    card.hasFoot && drawFoot(card));
}

/** The numbers of ports in each state, with their marks. */
function drawCounts(card) {
    const found = states.filter((state) => card.counts[state] > 0);
    if (found.length === 0) return s("text", { class: "words", x: 12, y: 42 }, card.words);
    let x = 12;
    return found.map((state) => {
        const text = card.counts[state].toLocaleString("en");
        const parts = [use(state, x, 33, 9.5), s("text", { class: "words", x: x + 13, y: 42 }, text)];
        x += 24 + 6.8 * text.length;
        return parts;
    });
}

/** A bar that shows the parts of the ports in each state. */
function drawBar(card) {
    const whole = size.width - 24;
    let x = 12;
    return states.filter((state) => card.counts[state] > 0).map((state) => {
        const width = Math.max(2, whole * card.counts[state] / card.total);
        const part = s("rect", { class: `bar is-${state}`, x, y: 48, width: Math.min(width, 12 + whole - x),
            height: 4, rx: 1.5 });
        x = Math.min(x + width, 10 + whole);
        return part;
    });
}

function drawCell(card, port, index, selected) {
    const width = (size.width - 2 * size.pad) / 2;
    const [x, y] = [size.pad + index % 2 * width, size.head + Math.floor(index / 2) * size.row];
    const state = portState(port);
    const label = `port ${port.name}, ${portWords(port)}`;
    return s("g", {
        class: `cell${selected === `port ${port.name}` ? " is-selected" : ""}`, tabindex: -1, role: "button",
            "aria-label": label,
        transform: `translate(${x} ${y})`, "data-key": `port ${port.name}`, "data-card": card.key,
            "data-port": port.name,
    }, s("title", {}, label), s("rect", { width: width - 3, height: size.row - 2, rx: 4 }), use(state, 4, 5),
    s("text", { x: 19, y: 14 }, shortened(port.name, 14)));
}

function drawFoot(card) {
    const y = card.height - size.foot;
    const turn = (text, step, x, width, label) => s("g", {
        class: "turn", tabindex: -1, role: "button", "aria-label": label, transform: `translate(${x} ${y + 3})`,
        "data-key": `turn ${step} ${card.key}`, "data-card": card.key, "data-step": step,
    }, s("rect", { width, height: size.foot - 8, rx: 4 }), s("text", { x: width / 2, y: 15 }, text));
    const number = (value) => value.toLocaleString("en");
    if (!card.isOpen) return turn(`show ${number(card.ports.length)} ports`, 0, 10, size.width - 20,
        `show the ports of ${card.title}`);
    const text = card.pageCount > 1 ? `page ${number(card.page + 1)} of ${number(card.pageCount)}`
        : `${number(card.ports.length)} ports`;
    return [
        card.page > 0 && turn("‹", -1, 10, 34, "previous ports"),
        s("text", { class: "pages", x: size.width / 2 - 14, y: y + 18 }, text),
        card.page < card.pageCount - 1 && turn("›", 1, size.width - 82, 34, "next ports"),
        turn("close", 0, size.width - 46, 38, `hide the ports of ${card.title}`),
    ];
}
