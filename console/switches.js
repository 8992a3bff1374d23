// The list of switches, and the page of one.
import { confirmDeletion, livePage, missing, titleBar } from "./detail.js";
import { button, count, h, link } from "./dom.js";
import { facts, labelFact, labelTexts, PagedTable, said, switchLink, time } from "./facts.js";
import { historyOf } from "./history.js";
import { portTable } from "./ports.js";
import { searchText } from "./search.js";
import { countStates, countWords, mark, states } from "./state.js";

/** Returns numbers of ports with their marks. */
export function countMarks(counts) {
    return h("span", { class: "counts", title: countWords(counts) }, states.filter((state) => counts[state] > 0)
        .map((state) => h("span", { class: `is-${state}` }, mark(state), counts[state].toLocaleString("en"), " ")));
}

export function switchesPage(context) {
    const { store } = context;
    const table = new PagedTable("switch", [
        { title: "Switch", cell: (one) => switchLink(one.name) },
        { title: "Ports", cell: (one) => store.portsOfSwitch(one.name).length.toLocaleString("en") },
        { title: "State of its ports", cell: (one) => countMarks(countStates(store.portsOfSwitch(one.name))) },
        { title: "Owner", cell: (one) => one.owner },
        { title: "Labels", cell: (one) => labelTexts(one.labels) },
    ], searchText);
    const element = h("article", {}, titleBar("", "Switches", null,
        context.canEdit ? [link("#/switches/new", "New switch")] : []), table.element);
    const update = () => { table.items = store.switches.sorted; };
    update();
    return { title: "Switches", element, update };
}

export function switchPage(context, name) {
    const { store } = context;
    const ports = portTable(context, { isOfSwitch: true });
    const history = historyOf(context, "logical_switch", name);
    const page = livePage(`Switch ${name}`, () =>
        [store.connection, store.switches.get(name), store.portsOfSwitch(name)], () => {
        const one = store.switches.get(name);
        if (!one) return missing(context, "switch", name);
        const list = store.portsOfSwitch(name);
        ports.items = list;
        return [
            titleBar("switch", name, countMarks(countStates(list)), actions(context, one, list)),
            switchFacts(one, list),
            h("h2", {}, "Ports"), ports.element,
            history.element,
        ];
    });
    return page;
}

function actions(context, one, ports) {
    const path = encodeURIComponent(one.name);
    const text = `Delete the switch ${one.name}${ports.length > 0 ? ` and its ${count(ports.length, "port")}` : ""}?`;
    return [
        link(`#/topology?switch=${path}`, "In the picture"),
        ...context.canEdit ? [
            link(`#/ports/new?switch=${path}`, "New port"), link(`#/switches/${path}/edit`, "Edit"),
            button("Delete", () => confirmDeletion(text, `/v1/switches/${path}`, () => context.go("#/switches")),
                { class: "danger" }),
        ] : [],
    ];
}

function switchFacts(one, ports) {
    const down = ports.filter((port) => !port.status.up).length;
    const given = [
        one.subnet && one.subnet + ((one.exclude_ips ?? []).length > 0 ? ` but ${one.exclude_ips.join(", ")}` : ""),
        one.ipv6_prefix, one.mac_only && "MAC addresses only",
    ];
    return facts([
        ["Ports", ports.length === 0 ? "none"
            : `${count(ports.length, "port")}, ${down.toLocaleString("en")} of them down`],
        ["Tunnel key", one.status.tunnel_key],
        ["VLAN passthru", one.vlan_passthru ? "yes" : "no"],
        ["Addresses that it gives", given.filter(Boolean)],
        said("DNS records", one.dns_records),
        said("DNS domain", one.dns_domain),
        said("IPv6 RA configs", Object.entries(one.ipv6_ra_configs ?? {}).map(([key, value]) => `${key}=${value}`)),
        said("Guards", ["ra_guard", "dhcp_guard"].filter((guard) => one[guard])),
        labelFact(one.labels),
        said("Owner", one.owner),
        ["Revision", `${one.revision}, configured ${one.config_revision}`],
        ["Created", time(one.created_at)],
        ["Changed", time(one.updated_at)],
    ]);
}
