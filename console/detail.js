// A page about one object of the network: it is drawn again when what it tells of has changed.
import { ask, Problem } from "./api.js";
import { button, fill, h } from "./dom.js";

/**
 * Returns a page.
 * @param watched gives what the page tells of, as a list of objects; while these are the same, so is the page
 * @param draw gives the page's content
 */
export function livePage(title, watched, draw) {
    const element = h("article", { class: "detail" });
    let seen = [];
    const update = () => {
        const now = watched();
        if (seen.length === now.length && now.every((one, index) => one === seen[index])) return;
        seen = now;
        fill(element, draw());
    };
    seen = watched();
    fill(element, draw());
    return { title, element, update };
}

/** Returns the content of a page about what is not there, or not yet. */
export function missing(context, noun, name) {
    const isLoading = context.store.connection === "loading";
    const text = isLoading ? "Loading …" : `There is no ${noun} ${name}.`;
    return h("p", { class: isLoading ? "loading" : "none" }, text);
}

/** Returns a title with actions behind it. */
export function titleBar(noun, name, badge, actions = []) {
    return h("div", { class: "titlebar" }, h("h1", {}, h("small", {}, noun), " ", name), badge,
        h("div", { class: "actions" }, actions));
}

/**
 * Asks before something is deleted, and does it.
 * @param text tells what will be gone
 */
export function confirmDeletion(text, path, done) {
    const error = h("p", { class: "error", role: "alert" });
    const dialog = h("dialog", { "aria-label": text, close: () => dialog.remove() }, h("p", {}, text), error,
        h("div", { class: "actions" },
            button("Keep", () => dialog.close(), { autofocus: true }),
            button("Delete", async () => {
                try {
                    await ask("DELETE", path);
                    dialog.close();
                    done();
                } catch (problem) {
                    if (!(problem instanceof Problem)) throw problem;
                    error.textContent = problem.message;
                }
            }, { class: "danger" })));
    document.body.append(dialog);
    dialog.showModal();
}
