// The list of ports, and the page of one.
import { portAdvice } from "./advice.js";
import { Counters } from "./counters.js";
import { confirmDeletion, livePage, missing, titleBar } from "./detail.js";
import { button, h, link } from "./dom.js";
import { adviceBoxes, facts, hostLink, labelFact, labelTexts, PagedTable, portLink, said, switchLink,
    time } from "./facts.js";
import { historyOf } from "./history.js";
import { searchText } from "./search.js";
import { hostState, hostStateWords, portBadge, portWords } from "./state.js";

/** Returns the addresses of a port, the dynamic ones as they are. */
export function addressTexts(port) {
    const dynamic = port.status.dynamic_addresses;
    return port.addresses.map((text) => (text.includes("dynamic") && dynamic ? `${dynamic} (dynamic)` : text));
}

/** Returns a table of ports; the column that would say the same everywhere is left out. */
export function portTable(context, { isOfSwitch = false, isOfHost = false } = {}) {
    return new PagedTable("port", [
        { title: "Port", cell: (port) => portLink(port.name) },
        { title: "State", cell: portBadge },
        ...isOfSwitch ? [] : [{ title: "Switch", cell: (port) => switchLink(port.switch) }],
        ...isOfHost ? [] : [{ title: "Host", cell: (port) => hostLink(port.status.chassis) }],
        { title: "Addresses", cell: (port) => addressTexts(port).map((text) => h("div", { class: "address" }, text)) },
        { title: "Labels", cell: (port) => labelTexts(port.labels) },
    ], (port) => `${searchText(port)}\n${portWords(port)}`);
}

export function portsPage(context) {
    const { store } = context;
    const table = portTable(context);
    const element = h("article", {}, titleBar("", "Ports", null,
        context.canEdit ? [link("#/ports/new", "New port")] : []), table.element);
    const update = () => { table.items = store.ports.sorted; };
    update();
    return { title: "Ports", element, update };
}

export function portPage(context, name) {
    const { store } = context;
    const history = historyOf(context, "logical_switch_port", name);
    let counters = null;
    let host = null;
    const leave = () => counters?.close();
    // Those of another host begin anew.
    const follow = (chassis) => {
        if (chassis === host) return;
        leave();
        host = chassis;
        counters = chassis ? new Counters(`/v1/ports/${encodeURIComponent(name)}/statistics`) : null;
    };
    const watched = () => {
        const port = store.ports.get(name);
        return [store.connection, port, store.chassis.get(port?.status.chassis)];
    };
    const page = livePage(`Port ${name}`, watched, () => {
        const port = store.ports.get(name);
        follow(port?.status.chassis ?? null);
        if (!port) return missing(context, "port", name);
        return [
            titleBar("port", name, portBadge(port), actions(context, port)),
            adviceBoxes(portAdvice(port, store)),
            portFacts(store, port),
            counters?.element,
            history.element,
        ];
    });
    return { ...page, leave };
}

function actions(context, port) {
    const path = encodeURIComponent(port.name);
    return [
        link(`#/topology?port=${path}`, "In the picture"),
        link(`#/trace?from=${path}`, "Trace from here"),
        link(`#/trace?to=${path}`, "Trace to here"),
        ...context.canEdit ? [
            link(`#/ports/${path}/edit`, "Edit"),
            button("Delete", () => confirmDeletion(`Delete the port ${port.name}?`, `/v1/ports/${path}`,
                () => context.go(`#/switches/${encodeURIComponent(port.switch)}`)), { class: "danger" }),
        ] : [],
    ];
}

function portFacts(store, port) {
    const { status } = port;
    const host = store.chassis.get(status.chassis);
    const standby = status.standby;
    const guards = ["ra_guard", "dhcp_guard"].filter((guard) => guard in port).map((guard) =>
        `${guard} ${port[guard]}`);
    if (status.guarded) guards.push("by port security");
    return facts([
        ["Switch", switchLink(port.switch)],
        ["Host", status.chassis ? [[hostLink(status.chassis),
            host ? `, ${hostStateWords(hostState(host))}, ${encapText(host)}` : ""]] : null],
        ["Enabled", port.enabled ? "yes" : "no"],
        said("Type", port.type),
        ["Addresses", addressTexts(port)],
        ["Port security", port.port_security],
        ["Requested hosts", (port.requested_chassis ?? []).join(", ")],
        said("Activation strategy", (port.activation_strategy ?? []).join(", ")),
        standby ? ["Moves to", [[hostLink(standby.chassis), standby.up ? ", ready" : ", not ready"]]] : null,
        said("Waiting", (status.waiting ?? []).map((one) => [hostLink(one.chassis), `, ${one.reason}`
            + (one.lacks ? `: ${one.lacks.join(", ")}` : "")])),
        said("Options", Object.entries(port.options ?? {}).map(([key, value]) => `${key}=${value}`)),
        said("DHCPv4 options", port.dhcpv4_options),
        said("DHCPv6 options", port.dhcpv6_options),
        said("Guards", guards),
        said("Mirrors", port.mirror_rules),
        said("Virtual address", port.virtual_ip),
        said("Virtual parents", port.virtual_parents?.map(portLink)),
        said("Virtual parent", status.virtual_parent && portLink(status.virtual_parent)),
        said("Nested in", port.parent_name && portLink(port.parent_name)),
        said("Tag", status.tag ?? port.tag_request),
        labelFact(port.labels),
        said("Owner", port.owner),
        ["Tunnel key", status.tunnel_key],
        ["Revision", `${port.revision}, configured ${port.config_revision}`],
        ["Created", time(port.created_at)],
        ["Changed", time(port.updated_at)],
    ]);
}

/** Returns the addresses of a host's tunnels. */
export function encapText(host) { return host.encaps.map((encap) => `${encap.type} ${encap.ip}`).join(", "); }

