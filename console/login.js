// The page that asks for a token, where central needs one.
import { read, token } from "./api.js";
import { h } from "./dom.js";

/**
 * Finds out who is asking.
 * @returns {author, role}
 * @throws the problem of whoever may not look
 */
export function whoAmI() { return read("/v1/identity"); }

/** Returns the page; `done` is called with the identity of an accepted token. */
export function loginPage(problem, done) {
    const error = h("p", { class: "error", role: "alert", id: "login-error" });
    if (token.value && problem) error.textContent = problem.message;
    token.value = null;
    const input = h("input", {
        id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true,
        "aria-describedby": "login-error",
    });
    const submit = async (event) => {
        event.preventDefault();
        token.value = input.value.trim();
        try {
            done(await whoAmI());
        } catch (refusal) {
            token.value = null;
            error.textContent = refusal.message;
            input.select();
        }
    };
    return h("form", { class: "login", submit },
        h("h1", {}, "Heddle"),
        h("label", { for: "token" }, "Token"), input, error,
        h("button", { type: "submit", class: "main" }, "Sign in"),
        h("p", { class: "hint" },
            "It is kept until this tab is closed. An administrator makes one on central's host with ",
            h("code", {}, "heddle token create --role viewer"), "."));
}
