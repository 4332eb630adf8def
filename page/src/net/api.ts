/** Requests to this page's own server, with the session's token (page.md 1). */
import { loseSession, token } from "./session";

export class Failure extends Error {
  constructor(
    /** 0 where no server answered. */
    readonly status: number,
    message: string,
    readonly hints: readonly string[] = [],
  ) {
    super(message);
  }
}

const SILENT = new Failure(0, "localhai does not answer", ["start it again: localhai page", "this page goes on by itself once it is there"]);

/** Any request; the answer of a good one. Raises Failure, with the server's own words where it has some. */
export async function request(method: string, path: string, body?: unknown, options: RequestInit = {}): Promise<Response> {
  const headers = new Headers(options.headers);
  const used = token.value;
  if (used) headers.set("Authorization", `Token ${used}`);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const payload = body === undefined ? null : JSON.stringify(body);
  let answer: Response;
  try {
    answer = await fetch(path, { ...options, method, headers, body: payload, credentials: "omit", cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw SILENT;
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && used) loseSession(used);
  throw await failureOf(answer);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await request("GET", path, undefined, signal ? { signal } : {})).json()) as T;
}

export async function post<T>(path: string, body: unknown = {}): Promise<T | null> {
  const text = await (await request("POST", path, body)).text();
  return text ? (JSON.parse(text) as T) : null;
}

/** Any error as one to show. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(-1, error instanceof Error ? error.message : String(error));
}

async function failureOf(answer: Response): Promise<Failure> {
  try {
    const said = (await answer.json()) as { message?: unknown; hints?: unknown };
    if (typeof said.message === "string") {
      return new Failure(answer.status, said.message, Array.isArray(said.hints) ? said.hints.map(String) : []);
    }
  } catch {
    // no JSON: a proxy, or a server of another kind
  }
  return new Failure(answer.status, `the server answered ${answer.status} ${answer.statusText}`.trim());
}
