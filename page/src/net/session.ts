/**
 * Who is logged in here. The token is in localStorage, which other ports of this machine cannot read, and goes out as
 * a header only: cookies would be sent to every notebook that runs here.
 */
import { signal } from "@preact/signals";

const KEY = "localhai.token";

export interface User {
  id: number | string;
  username: string;
}

export const token = signal<string | null>(null);
export const user = signal<User | null>(null);
/** Why there is no session, in words, where something was tried. */
export const refused = signal<string | null>(null);
/** False until it is known whether there is a session. */
export const asked = signal(false);

/** Takes the code out of the address, or the token that is kept here. */
export async function begin(): Promise<void> {
  const code = /^#login=(.+)$/.exec(location.hash)?.[1];
  if (code) {
    history.replaceState(history.state, "", location.pathname + location.search);
    await exchange(decodeURIComponent(code));
  } else {
    token.value = stored();
  }
  asked.value = true;
  addEventListener("storage", (event) => {
    if (event.key === KEY) token.value = event.newValue;
  });
}

/** A code of `localhai page` for a token. */
async function exchange(code: string): Promise<void> {
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/page/session/", { method: "POST", headers, body: JSON.stringify({ code }), credentials: "omit" });
    const said = (await answer.json()) as { token?: string; user?: User; message?: string };
    if (answer.ok && said.token) {
      keep(said.token);
      user.value = said.user ?? null;
      return;
    }
    token.value = stored(); // an old link opened again: whoever is logged in stays so
    if (!token.value) refused.value = said.message ?? "this link is used up";
  } catch {
    token.value = stored();
    if (!token.value) refused.value = "localhai does not answer";
  }
}

/** A token that somebody pasted, or an address with a code. */
export async function paste(text: string): Promise<void> {
  refused.value = null;
  const code = /#login=([^\s]+)$/.exec(text.trim())?.[1];
  if (code) return exchange(decodeURIComponent(code));
  const given = text.trim().replace(/^Token\s+/i, "");
  try {
    const answer = await fetch("/page/session/", { headers: { Authorization: `Token ${given}` }, credentials: "omit" });
    if (answer.ok) return keep(given);
    refused.value = answer.status === 401 ? "that token is not known here" : `the server answered ${answer.status}`;
  } catch {
    refused.value = "localhai does not answer, or this is no token";
  }
}

/** After an answer of 401 to a request with that token. */
export function loseSession(used: string): void {
  if (token.value !== used) return;
  forget();
  refused.value = "your session has ended";
}

export async function logOut(): Promise<void> {
  const used = token.value;
  forget();
  if (used) await fetch("/page/session/", { method: "DELETE", headers: { Authorization: `Token ${used}` } }).catch(() => null);
}

function keep(given: string): void {
  token.value = given;
  refused.value = null;
  try {
    localStorage.setItem(KEY, given);
  } catch {
    // storage is forbidden: logged in until this tab is closed
  }
}

function forget(): void {
  token.value = null;
  user.value = null;
  try {
    localStorage.removeItem(KEY);
  } catch {
    // as above
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
