// The console: who is asking, the network, and the page that the address names.
import { Problem, read, token } from "./api.js";
import { announce, button, fill, h, link, oncePerFrame } from "./dom.js";
import { loginPage, whoAmI } from "./login.js";
import { pageFor, readRoute } from "./routes.js";
import { find, pageOf, SearchBox } from "./search.js";
import { Store } from "./store.js";

const main = document.getElementById("main");
const header = document.getElementById("header");
const tabs = [
    ["topology", "Topology"], ["switches", "Switches"], ["ports", "Ports"], ["hosts", "Hosts"], ["changes", "Changes"],
    ["trace", "Trace"], ["apply", "Apply"],
];
const connectionWords = {
    loading: "loading", live: "live", lost: "central does not answer; trying again", ended: "signed out",
};

let context = null;
let page = null;

/** Shows the page that the address names. */
function show() {
    if (context === null) return;
    const route = readRoute(location.hash);
    page?.leave?.();
    try {
        page = pageFor(route, context);
    } catch (error) {
        page = { title: "Error", element: h("p", { class: "error" }, error.message) };
    }
    document.title = `${page.title} · Heddle`;
    fill(main, page.element);
    for (const tab of header.querySelectorAll("nav a")) {
        tab.toggleAttribute("aria-current", tab.hash.slice(2) === route.tab);
        if (tab.hash.slice(2) === route.tab) tab.setAttribute("aria-current", "page");
    }
    page.shown?.();
    announce(page.title);
}

function drawHeader() {
    const search = new SearchBox({
        id: "search", label: "Search switches, ports and hosts",
        placeholder: "Search name, MAC, IP, label  ( / )",
        look: (text) => find(context.store, text),
        pick: (found, box) => {
            box.input.value = "";
            box.input.blur();
            location.hash = pageOf(found);
        },
    });
    fill(header,
        link("#/topology", h("img", { src: "/console/icon.svg", alt: "", width: 26, height: 26 }),
            h("b", {}, "Heddle")),
        h("nav", { "aria-label": "Pages" }, tabs.filter(([name]) => name !== "apply" || context.canEdit)
            .map(([name, title]) => link(`#/${name}`, title))),
        search.element,
        h("span", { id: "connection", role: "status" }),
        h("span", { class: "who", title: context.author }, context.role),
        token.value && button("Sign out", signOut));
    drawConnection();
}

function drawConnection() {
    const place = document.getElementById("connection");
    if (!place) return;
    const { connection, revision } = context.store;
    place.className = `connection is-${connection}`;
    place.textContent = connection === "live" ? `live · revision ${revision}` : connectionWords[connection];
}

function begin(identity) {
    const store = new Store();
    context = {
        store, ...identity,
        isAdmin: identity.role === "admin",
        canEdit: identity.role === "admin" || identity.role === "editor",
        go: (hash) => { location.hash = hash; },
    };
    drawHeader();
    const update = oncePerFrame(() => {
        if (context?.store !== store) return;
        drawConnection();
        page?.update?.();
    });
    store.addEventListener("change", update);
    store.addEventListener("connection", update);
    store.addEventListener("refused", (event) => askForToken(event.detail));
    store.follow();
    show();
}

function askForToken(problem) {
    end();
    fill(main, loginPage(problem, begin));
    document.title = "Sign in · Heddle";
    document.getElementById("token").focus();
}

function end() {
    context?.store.close();
    page?.leave?.();
    context = page = null;
    fill(header);
}

function signOut() {
    token.value = null;
    askForToken(null);
}

async function start() {
    try {
        begin(await whoAmI());
    } catch (problem) {
        if (problem instanceof Problem && problem.status === 401) return askForToken(problem);
        fill(main, h("section", { class: "login" }, h("h1", {}, "Heddle"), h("p", { class: "error" }, problem.message),
            token.value && button("Use another token", signOut), button("Try again", start)));
    }
}

addEventListener("hashchange", show);
addEventListener("keydown", (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById("search")?.focus();
});
// The version tells at a glance what is running here.
read("/version").then(({ version }) => { document.body.dataset.version = version; }, () => {});
start();
