// Requests to central, as any other client sends them.

const tokenKey = "heddle-token";
/** The milliseconds after which a silent stream of events counts as broken: central says something every 15 s. */
const silenceMaximum = 40_000;

/** A refusal of central (RFC 9457), or the reason why it could not be asked. */
export class Problem extends Error {
    constructor(status, body) {
        super(body.detail ?? `Central answered ${status}.`);
        this.status = status;
        this.code = body.code ?? "unknown";
        this.pointer = body.pointer ?? null;
        this.conflictsWith = body.conflicts_with ?? null;
        this.others = body.errors ?? [];
    }
}

/** The token of this tab; gone with the tab. */
export const token = {
    get value() { return sessionStorage.getItem(tokenKey); },
    set value(text) {
        if (text) sessionStorage.setItem(tokenKey, text);
        else sessionStorage.removeItem(tokenKey);
    },
};

function fields(more) {
    const all = { ...more };
    if (token.value) all.Authorization = `Bearer ${token.value}`;
    return all;
}

async function send(path, options) {
    let answer;
    try {
        answer = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Problem(0, { code: "unreachable", detail: "Central cannot be reached." });
    }
    if (answer.ok) return answer;
    let body = {};
    try {
        body = await answer.json();
    } catch {
        // Something between here and central has answered; the status tells what there is to tell.
    }
    throw new Problem(answer.status, body);
}

/**
 * Sends a request.
 * @returns the answer's JSON, or null, with the fields of its head
 */
export async function ask(method, path, { body, headers = {}, signal } = {}) {
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const answer = await send(path, {
        method,
        signal,
        headers: fields({ Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": type }),
            ...headers }),
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    return { body: text === "" ? null : JSON.parse(text), head: answer.headers };
}

/** Returns the JSON of a GET. */
export async function read(path, options) {
    return (await ask("GET", path, options)).body;
}

/** Yields the pages of a list, each as its answer. */
export async function* pages(path, options) {
    for (let next = ""; next !== null;) {
        const mark = path.includes("?") ? "&" : "?";
        const answer = await ask("GET", next ? `${path}${mark}page_token=${encodeURIComponent(next)}` : path, options);
        yield answer;
        next = answer.body.next_page_token;
    }
}

/**
 * Yields server-sent events (HTML Standard, section 9.2). An EventSource cannot send a token, so this reads them
 * itself.
 * It ends when the stream ends, and fails when the stream breaks.
 */
export async function* events(path, lastID, signal) {
    const own = new AbortController();
    const stop = () => own.abort();
    signal.addEventListener("abort", stop);
    let alarm;
    const heard = () => {
        clearTimeout(alarm);
        alarm = setTimeout(stop, silenceMaximum);
    };
    try {
        heard();
        const headers = fields({ Accept: "text/event-stream", ...(lastID ? { "Last-Event-ID": lastID } : {}) });
        const answer = await send(path, { headers, signal: own.signal });
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        const parser = new EventParser(lastID);
        for (;;) {
            const { value, done } = await reader.read();
            if (done) return;
            heard();
            yield* parser.take(value);
        }
    } finally {
        clearTimeout(alarm);
        signal.removeEventListener("abort", stop);
        own.abort();
    }
}

/** Makes events of pieces of text, wherever these are cut. A comment that moves the id on is an event without data. */
export class EventParser {
    #rest = "";
    #event = { type: "message", data: [], id: "" };

    constructor(lastID = "") { this.#event.id = lastID; }

    *take(text) {
        this.#rest += text;
        let start = 0;
        for (let end; (end = this.#rest.indexOf("\n", start)) >= 0; start = end + 1) {
            const line = this.#rest.slice(start, end).replace(/\r$/, "");
            if (line !== "") {
                this.#add(line);
                continue;
            }
            const { type, data, id } = this.#event;
            this.#event = { type: "message", data: [], id };
            yield { type, data: data.join("\n"), id };
        }
        this.#rest = this.#rest.slice(start);
    }

    #add(line) {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "event") this.#event.type = value;
        else if (name === "data") this.#event.data.push(value);
        else if (name === "id") this.#event.id = value;
    }
}
