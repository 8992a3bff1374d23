// The addresses of pages: everything that can be looked at has one.
import { applyPage } from "./apply.js";
import { changesPage } from "./changes.js";
import { hostPage, hostsPage } from "./hosts.js";
import { h } from "./dom.js";
import { portForm, switchForm } from "./edit.js";
import { portPage, portsPage } from "./ports.js";
import { switchesPage, switchPage } from "./switches.js";
import { topologyPage } from "./topology.js";
import { tracePage } from "./trace.js";

/**
 * Reads the address behind `#`: `#/ports/web-vm1/edit?…`.
 * @returns {tab, words, query}
 */
export function readRoute(hash) {
    const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
    const words = path.split("/").filter((word) => word !== "").map(decoded);
    return { tab: words[0] ?? "topology", words, query: new URLSearchParams(query) };
}

function decoded(word) {
    try {
        return decodeURIComponent(word);
    } catch {
        return word;
    }
}

/** Returns a page: {title, element, update?, leave?}. `update` is called when the network has changed. */
export function pageFor({ tab, words, query }, context) {
    const [, name, verb] = words;
    const isNew = name === "new" && words.length === 2;
    const mayEdit = (verb === "edit" || isNew) && context.canEdit;
    switch (tab) {
    case "topology": return topologyPage(context, query);
    case "switches":
        if (name === undefined) return switchesPage(context);
        return mayEdit ? switchForm(context, isNew ? null : name) : switchPage(context, name);
    case "ports":
        if (name === undefined) return portsPage(context);
        return mayEdit ? portForm(context, isNew ? null : name, query) : portPage(context, name);
    case "hosts": return name === undefined ? hostsPage(context) : hostPage(context, name);
    case "changes": return changesPage(context);
    case "trace": return tracePage(context, query);
    case "apply": if (context.canEdit) return applyPage(context);
    }
    return { title: "No such page", element: h("p", { class: "none" }, "There is no page at this address.") };
}
