// The next steps for a port or a host that does not work: the sentences and commands of `heddle describe`.
import { hostState } from "./state.js";

/** Returns the advice about a port: a list of {sentence, commands}. */
export function portAdvice(port, store) {
    return [downAdvice(port), waitingAdvice(port, store)].filter((advice) => advice !== null);
}

function say(sentence, ...commands) { return { sentence, commands }; }

function downAdvice(port) {
    const name = port.name;
    const requested = port.requested_chassis ?? [];
    const hosts = requested.length === 0 ? "the host of its VM" : requested.join(" or ");
    const chassis = port.status.chassis ?? "";
    const reason = port.status.reason ?? "";
    const waiting = waitingHost(port, reason);
    switch (reason) {
    case "not-plugged":
        return port.type === "virtual"
            ? say(`None of its parents has announced ${port.virtual_ip} yet; their port security must allow it.`)
            : say(`No host has plugged it in. On ${hosts}:`, `heddle port add INTERFACE --logical-port ${name}`);
    case "parent-missing":
        return say(`There is no port ${port.parent_name}, which it is nested in. Make it, or name another parent.`);
    case "parent-not-bound":
        return say(`Its parent ${port.parent_name} is on no host. To see why:`,
            `heddle describe port ${port.parent_name}`);
    case "not-programmed":
        return say(`${chassis} has it, but it is not up there: its interface is gone, or the forwarder has no `
            + `tables for it yet. If that lasts, on ${chassis}:`, "heddle port list", "heddle doctor");
    case "disabled":
        return say("It is switched off. To switch it on:", `heddle nb lsp-set-enabled ${name} enabled`);
    case "chassis-lost": {
        const host = chassis || waiting || "its host";
        return say(`Central does not hear from ${host}, which continues with its last tables. On ${host}:`,
            "heddle doctor");
    }
    case "requested-elsewhere":
        return say(`${waiting ?? "A host"} has plugged it in, but may not have it; only ${hosts} may. Plug it in `
            + "there, or let any host:", requestCommand(port, null));
    case "unsupported-by-chassis": {
        const host = waiting ?? "its host";
        return say(`The agent of ${host} is too old for what the port needs. Install this version there, then on `
            + `${host}:`, "systemctl restart heddle-agent");
    }
    case "no-physical-network":
        return networkAdvice(port, waiting ?? "its host");
    default:
        return null;
    }
}

function networkAdvice(port, host) {
    if (port.type === "localnet") {
        return say("It does not name its physical network yet. To name it:",
            `heddle nb lsp-set-options ${port.name} network_name=NETWORK`);
    }
    const network = (port.status.waiting ?? []).find((one) => one.reason === "no-physical-network")?.lacks?.[0];
    return say(`Its switch is joined to a physical network, of which ${host} has no device. Name one there, beside the `
        + "agent's other options:", `heddle agent --physical-network ${network ?? "NETWORK"}=DEVICE`);
}

function waitingAdvice(port, store) {
    const host = waitingHost(port, "set-aside");
    const holder = port.status.chassis;
    if (!holder || !host) return null;
    const silent = store?.chassis.get(holder);
    const note = silent && hostState(silent) === "lost" ? ` Central does not hear from ${holder}.` : "";
    return say(`${host} has it plugged in, too, and gets it when ${holder} lets go of it.${note} To move it there now:`,
        requestCommand(port, host));
}

function waitingHost(port, reason) {
    return (port.status.waiting ?? []).find((one) => one.reason === reason)?.chassis ?? null;
}

/** The command that lets only one host have a port, or any, and leaves its options as they are. */
function requestCommand(port, host) {
    const words = Object.entries(port.options ?? {}).map(([key, value]) => `${key}=${value}`);
    if (host) words.push(`requested-chassis=${host}`);
    return ["heddle nb lsp-set-options", port.name, ...words].join(" ");
}

/** Returns the advice about a host. */
export function hostAdvice(host) {
    const name = host.name;
    if (hostState(host) === "lost") {
        return [say(`Central does not hear from its agent. On ${name}, or if it will never come back, here:`,
            "heddle doctor", `heddle sb chassis-del ${name}`)];
    }
    const held = host.status.held;
    if (!held) return [];
    const ports = `${held.plugged_ports} plugged port${held.plugged_ports === 1 ? "" : "s"}`;
    return [say(`On this host central's network (epoch ${held.epoch}, revision ${held.revision}) is held back: it `
        + `would take away ${ports} and ${held.ports} of the ports that the host knows; packets still follow revision `
        + `${held.in_force.revision} of epoch ${held.in_force.epoch}. If this network is right, there:`,
    "heddle doctor", "heddle agent accept")];
}
