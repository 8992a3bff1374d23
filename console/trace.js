// The trace of a frame: a form that two ports fill, and what becomes of the frame, stage by stage and host by host.
import { ask, Problem } from "./api.js";
import { titleBar } from "./detail.js";
import { fill, h } from "./dom.js";
import { hostLink, portLink } from "./facts.js";
import { find, SearchBox } from "./search.js";
import { mark } from "./state.js";

const protocols = { arp: "ARP or neighbor discovery", ip: "any IP", icmp: "ping", tcp: "TCP", udp: "UDP" };

export function tracePage(context, query) {
    const page = new TracePage(context.store, query);
    const begin = () => page.begin();
    return { title: "Trace", element: page.element, update: begin, shown: begin };
}

class TracePage {
    #error = h("p", { class: "error", role: "alert" });
    #result = h("section", { class: "trace", "aria-live": "polite" });
    #hasBegun = false;

    constructor(store, query) {
        Object.assign(this, { store, query });
        this.from = this.#port("from", "From port");
        this.to = this.#port("to", "To port");
        this.mac = this.#input("mac", "of the port, or any");
        this.ip = this.#input("ip", "of the port, or any");
        this.dport = this.#input("dport", "80");
        this.protocol = h("select", { id: "protocol", change: () => this.#hideUnused() },
            Object.entries(protocols).map(([value, text]) =>
                h("option", { value, selected: value === (query.get("protocol") ?? "icmp") }, text)));
        this.dportField = field("dport", "To port number", this.dport);
        this.#hideUnused();
        this.element = h("article", {}, titleBar("", "Trace", null),
            h("p", { class: "hint" }, "What becomes of a frame. Nothing is sent: the hosts' present tables are asked."),
            h("form", { class: "form row", submit: (event) => this.#submit(event) },
                field("from", "From port", this.from.element), field("to", "To port", this.to.element),
                field("protocol", "Protocol", this.protocol), this.dportField,
                field("mac", "To MAC", this.mac), field("ip", "To IP", this.ip),
                h("button", { type: "submit", class: "main" }, "Trace")), this.#error, this.#result);
    }

    /** Asks at once, if the address names both ports, as soon as they are known. */
    begin() {
        if (this.#hasBegun || !this.store.ports.has(this.from.input.value)) return;
        this.#hasBegun = true;
        if (!this.ip.value && !this.mac.value) this.#fillAddresses();
        if (this.query.get("to")) this.#submit();
    }

    #port(id, label) {
        const box = new SearchBox({
            id, label, placeholder: "a port, by name or address", value: this.query.get(id) ?? "",
            look: (text) => find(this.store, text, ["port"]),
            pick: (found) => {
                box.input.value = found.object.name;
                if (id === "to") this.#fillAddresses();
            },
        });
        if (id === "to") box.input.addEventListener("change", () => this.#fillAddresses());
        return box;
    }

    #input(id, placeholder) {
        const value = this.query.get(id) ?? "";
        return h("input", { id, placeholder, value, autocomplete: "off", spellcheck: "false" });
    }

    #hideUnused() { this.dportField.hidden = !["tcp", "udp"].includes(this.protocol.value); }

    /** Fills in the addresses of the port that the frame goes to. */
    #fillAddresses() {
        const target = this.store.ports.get(this.to.input.value.trim());
        const address = target && addressesOf(target);
        if (!address) return;
        this.mac.value = address.mac ?? "";
        this.ip.value = address.ips[0] ?? "";
    }

    /** The words of the form, as the address keeps them. */
    get #words() {
        const controls = {
            from: this.from.input, to: this.to.input,
            protocol: this.protocol, mac: this.mac, ip: this.ip, dport: this.dport,
        };
        return Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value.trim()]));
    }

    async #submit(event) {
        event?.preventDefault();
        this.#error.textContent = "";
        const words = this.#words;
        const source = this.store.ports.get(words.from);
        if (!source) {
            this.#error.textContent = words.from === "" ? "Choose the port that sends the frame."
                : `There is no port ${words.from}.`;
            return this.from.input.focus();
        }
        const kept = new URLSearchParams(Object.entries(words).filter(([, value]) => value !== ""));
        history.replaceState(null, "", `#/trace?${kept}`);
        try {
            const flow = makeFlow(words.from, words);
            const { body } = await ask("POST", "/v1/trace", { body: { switch: source.switch, flow } });
            fill(this.#result, report(body, words));
        } catch (problem) {
            if (!(problem instanceof Problem)) throw problem;
            fill(this.#result);
            this.#error.textContent = problem.message;
        }
    }
}

function field(id, label, element) { return h("div", { class: "field" }, h("label", { for: id }, label), element); }

/** Returns the first MAC and the IP addresses of a port. */
function addressesOf(port) {
    const texts = port.addresses.filter((text) => text !== "unknown" && !text.startsWith("dynamic"));
    if (port.status.dynamic_addresses) texts.push(port.status.dynamic_addresses);
    if (texts.length === 0) return null;
    const [mac, ...ips] = texts[0].split(" ");
    return { mac, ips: ips.map((ip) => ip.split("/")[0]) };
}

function makeFlow(inport, { mac, ip, protocol, dport }) {
    const flow = { inport };
    const isIPv6 = ip.includes(":");
    if (protocol === "arp") {
        if (ip) flow[isIPv6 ? "nd.target" : "arp.tpa"] = ip;
        return flow;
    }
    if (mac) flow["eth.dst"] = mac;
    if (ip) flow["ip.dst"] = ip;
    if (protocol === "icmp") Object.assign(flow, isIPv6 ? { "icmp6.type": 128 } : { "icmp4.type": 8 });
    if (protocol === "tcp" || protocol === "udp") flow[`${protocol}.dst`] = dport || "80";
    return flow;
}

function report(answer, words) {
    const note = answer.chassis && !answer.up
        ? `${answer.inport} is not up (${answer.reason}); its host may not have these tables yet.` : null;
    return [
        h("div", { class: `verdict is-${verdictState(answer, words)}` }, mark(verdictState(answer, words)),
            h("div", {}, h("p", { id: "verdict" }, verdict(answer)), answer.detail && h("p", {}, answer.detail),
                note && h("p", {}, note))),
        answer.hosts.map(hostStrip),
        answer.omitted_host_count > 0 && h("p", { class: "hint" },
            `${answer.omitted_host_count} further hosts get the frame and are not shown.`),
        answer.copies.map((copy) => h("p", {}, copyWords(copy))),
    ];
}

function verdictState(answer, { to }) {
    if (answer.delivered_to.length > 0) return !to || answer.delivered_to.includes(to) ? "up" : "pending";
    return answer.answered ? "up" : "lost";
}

/** Returns the outcome in words. */
function verdict(answer) {
    const parts = [];
    const ports = answer.delivered_to;
    if (ports.length > 0) {
        parts.push(`Delivered to ${ports.slice(0,
            12).join(", ")}${ports.length > 12 ? ` and ${ports.length - 12} others` : ""}`);
    }
    if (answer.answered) parts.push("Answered by the sender's own host");
    if (answer.drop_reason) parts.push(`Dropped: ${answer.drop_reason}`);
    return parts.length > 0 ? `${parts.join("; ")}.` : "Nothing comes of it.";
}

function hostStrip(host, index) {
    return h("section", { class: "strip" },
        h("h2", {}, index > 0 && h("small", {}, "through the tunnel to "), hostLink(host.chassis)),
        h("ol", { class: "stages" }, host.steps.map((step) =>
            h("li", { class: `stage is-${step.decision}`, title: step.port },
            h("b", {}, step.stage), h("span", {}, decision(step))))),
        h("ul", { class: "outputs" }, host.outputs.map((output) => h("li", {}, outputWords(output)))));
}

function decision(step) {
    return step.decision + (step.reason ? `: ${step.reason}` : "") + (step.acl ? ` by ${step.acl}` : "")
        + (step.answer ? `: ${step.answer}` : "") + (step.output ? ` to ${step.output}` : "")
        + (step.edit ? `: ${step.edit}` : "") + (step.datapath !== undefined ? ` datapath ${step.datapath}` : "");
}

function outputWords(output) {
    switch (output.kind) {
    case "local": return ["to ", portLink(output.port)];
    case "remote": return [`by Geneve to ${output.ip} on `, hostLink(output.chassis),
        ` (VNI ${output.vni}, keys ${output.ingress_key} to ${output.egress_key})`];
    case "dropped": return ["dropped for ", portLink(output.port), `: ${output.reason}`];
    case "answer": return !output.answer || output.answer === "neighbor"
        ? `answer to the sender: it is at ${output.mac}` : `answer to the sender: ${output.answer} from ${output.mac}`;
    default: return output.kind;
    }
}

function copyWords(copy) {
    const sink = copy.type === "lport" ? copy.sink : `${copy.type} ${copy.sink}`;
    const side = `what ${copy.port} ${copy.direction === "to-lport" ? "gets" : "sends"}`;
    const verb = copy.copied ? "Copied" : "Not copied";
    return `${verb} to ${sink} (mirror ${copy.mirror}, ${side})${copy.detail ? `: ${copy.detail}` : ""}`;
}
