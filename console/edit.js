// The forms of switches and ports.
import { ask } from "./api.js";
import { missing, titleBar } from "./detail.js";
import { h } from "./dom.js";
import { ObjectForm } from "./form.js";

const name = { name: "name", label: "Name", type: "text",
    help: "Letters, digits and any of . _ : @ -; it cannot be changed later." };
const labels = { name: "labels", label: "Labels", type: "pairs", help: "KEY=VALUE, one a line." };

const switchFields = [
    name,
    { name: "subnet", label: "Subnet", type: "text",
        help: "The IPv4 network that ports with dynamic addresses get theirs of, such as 192.168.1.0/24." },
    { name: "exclude_ips", label: "Addresses not to give", type: "lines",
        help: "Addresses or ranges, such as 192.168.1.20..192.168.1.50, one a line." },
    { name: "ipv6_prefix", label: "IPv6 prefix", type: "text", help: "64 bits, such as 2001:db8::/64." },
    labels,
    { name: "mac_only", label: "MAC addresses only", type: "flag", isRare: true,
        help: "For switches without subnet and prefix." },
    { name: "vlan_passthru", label: "VLAN passthru", type: "flag", isRare: true,
        help: "Takes frames with a VLAN tag; turns the ARP and ND responder off." },
    { name: "dns_records", label: "DNS records", type: "words", isRare: true, help: "Names of sets of DNS records." },
    { name: "dns_domain", label: "DNS domain", type: "text", isRare: true,
        help: "The domain that its ports' names are resolved in." },
    { name: "ipv6_ra_configs", label: "IPv6 router advertisements", type: "pairs", isRare: true,
        help: "KEY=VALUE, one a line; gateway_mac and address_mode are needed." },
    { name: "ra_guard", label: "RA guard", type: "choice", isRare: true,
        help: "Its ports may not send router advertisements." },
    { name: "dhcp_guard", label: "DHCP guard", type: "choice", isRare: true,
        help: "Its ports may not send what DHCP servers send." },
];

const portTypes = { "": "an interface of a VM or a container", virtual: "virtual", localnet: "localnet" };
const portFields = [
    name,
    { name: "switch", label: "Switch", type: "text", help: "A port stays on its switch." },
    { name: "addresses", label: "Addresses", type: "lines", help: "MAC [IP ...], unknown, or dynamic; one a line." },
    { name: "port_security", label: "Port security", type: "lines",
        help: "MAC [IP[/LENGTH] ...], one a line; empty means no check." },
    { name: "enabled", label: "Enabled", type: "flag", value: true,
        help: "A port that is not passes nothing." },
    { name: "requested_chassis", label: "Requested hosts", type: "words",
        help: "The hosts that may have it; empty means any." },
    labels,
    { name: "type", label: "Type", type: "select", options: portTypes, isRare: true, help: "" },
    { name: "options", label: "Options", type: "pairs", isRare: true,
        help: "KEY=VALUE, one a line, such as qos_max_rate=100000000." },
    { name: "dhcpv4_options", label: "DHCPv4 options", type: "text", isRare: true,
        help: "The name of a set of DHCP options." },
    { name: "dhcpv6_options", label: "DHCPv6 options", type: "text", isRare: true, help: "The same for DHCPv6." },
    { name: "virtual_ip", label: "Virtual address", type: "text", isRare: true, help: "Of a virtual port." },
    { name: "virtual_parents", label: "Virtual parents", type: "words", isRare: true,
        help: "The ports that may announce it." },
    { name: "parent_name", label: "Nested in", type: "text", isRare: true,
        help: "The port that this one is nested in." },
    { name: "tag_request", label: "Tag", type: "number", isRare: true,
        help: "The VLAN of a nested or a localnet port; 0 lets central choose." },
    { name: "activation_strategy", label: "Activation strategy", type: "words", isRare: true,
        help: "Any of rarp, garp, na." },
    { name: "mirror_rules", label: "Mirrors", type: "words", isRare: true, help: "Names of mirrors." },
    { name: "ra_guard", label: "RA guard", type: "choice", isRare: true,
        help: "It may not send router advertisements." },
    { name: "dhcp_guard", label: "DHCP guard", type: "choice", isRare: true,
        help: "It may not send what DHCP servers send." },
];

export function switchForm(context, own) {
    return formPage(context, own, { noun: "switch", path: "switches", table: context.store.switches,
        fields: switchFields });
}

export function portForm(context, own, query) {
    const home = query.get("switch");
    const fields = portFields.map((field) => (field.name === "switch" && home ? { ...field, value: home } : field));
    return formPage(context, own, { noun: "port", path: "ports", table: context.store.ports, fields });
}

function formPage(context, own, { noun, path, table, fields }) {
    const title = own ? `Edit ${noun} ${own}` : `New ${noun}`;
    const element = h("article", {});
    let form = null;
    let edited = null;
    const begin = () => {
        edited = own ? table.get(own) : null;
        if (own && !edited) return element.replaceChildren(missing(context, noun, own));
        const back = own ? `#/${path}/${encodeURIComponent(own)}` : `#/${path}`;
        const ready = fields.map((field) => ({ ...field, isFixed: own && ["name", "switch"].includes(field.name) }));
        form = new ObjectForm(ready, edited, {
            verb: own ? "Save" : "Create",
            cancel: () => context.go(back),
            send: async (values) => {
                await save(values);
                context.go(own ? back : `#/${path}/${encodeURIComponent(values.name)}`);
            },
        });
        element.replaceChildren(titleBar(own ? noun : "", own ?? title, null), form.element);
        form.element.querySelector("input:not([disabled]), textarea")?.focus();
    };
    const save = (values) => {
        if (!own) return ask("POST", `/v1/${path}`, { body: values });
        // The tag holds as long as no user has changed the object, whatever hosts report meanwhile.
        return ask("PATCH", `/v1/${path}/${encodeURIComponent(own)}`,
            { body: values, headers: { "If-Match": `"${edited.revision}"` } });
    };
    const update = () => {
        if (own && !edited) return begin();
        const now = own && table.get(own);
        if (!own || now?.config_revision === edited.config_revision) return;
        form.notice.textContent = now ? `Somebody has changed this ${noun} meanwhile; open the form again to see it.`
            : `Somebody has deleted this ${noun} meanwhile.`;
    };
    begin();
    return { title, element, update, shown: () => element.querySelector("input:not([disabled]), textarea")?.focus() };
}
