// Elements, made without markup: all text of the network goes into text nodes.

/** Returns an element. Attributes that are null or false are left out; those that are functions hear events. */
export function h(name, attributes = {}, ...children) {
    return build(document.createElement(name), attributes, children);
}

/** Returns an element of SVG. */
export function s(name, attributes = {}, ...children) {
    return build(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function build(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (typeof value === "function") element.addEventListener(name, value);
        else element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...present(children));
    return element;
}

function present(children) {
    return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Puts new content into an element and keeps the focus at the element with the same `data-key`. */
export function fill(element, ...children) {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    element.replaceChildren(...present(children));
    if (focused !== undefined) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** Returns a link to a page of the console. */
export function link(href, ...children) {
    return h("a", { href, "data-key": href }, ...children);
}

/** Returns a button. */
export function button(text, act, attributes = {}) {
    return h("button", { type: "button", click: act, "data-key": `button ${text}`, ...attributes }, text);
}

/** Returns the words behind `?` in the address. */
export function addressWords() { return new URLSearchParams(location.hash.split(/\?(.*)/s)[1] ?? ""); }

/** Puts a word into the address, so that it can be kept and sent; null takes it out. The page stays. */
export function keepInAddress(name, value) {
    const words = addressWords();
    if (value === null) words.delete(name);
    else words.set(name, value);
    const path = location.hash.split("?")[0];
    history.replaceState(null, "", `${path}${words.size > 0 ? `?${words}` : ""}`);
}

/** Tells a screen reader something that the eye sees. */
export function announce(text) {
    document.getElementById("notice").textContent = text;
}

/** Calls a function once before the next picture, however often it is asked to. */
export function oncePerFrame(act) {
    let isAsked = false;
    return () => {
        if (isAsked) return;
        isAsked = true;
        requestAnimationFrame(() => {
            isAsked = false;
            act();
        });
    };
}

/** `1 port`, `2 ports`, `10,000 ports`. */
export function count(number, noun) {
    return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
