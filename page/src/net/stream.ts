/**
 * What changes on the server, told to all tabs by one of them: it holds a Web Lock and the only stream, the others
 * listen on a BroadcastChannel. A browser opens six connections to a server; one stream in each tab would use them up.
 * Where there are no Web Locks (an address that is neither https nor this machine) visible tabs stream themselves.
 */
import { signal } from "@preact/signals";
import { Connection, type Link, type Server } from "./connection";
import { token } from "./session";

type Message =
  | { kind: "topics"; tab: string; topics: string[] }
  | { kind: "renew" }
  | { kind: "state"; link: Link; server: Server | null }
  | { kind: "event"; base: string; event: string; data: Record<string, unknown> };

export interface Wish {
  base: string;
  /** As of now, with revision or line. */
  topic(): string;
  on(event: string, data: Record<string, unknown>): void;
}

export const link = signal<Link>("connecting");
export const server = signal<Server | null>(null);

const tab = Math.random().toString(36).slice(2);
const wishes = new Set<Wish>();
const tabs = new Map<string, string[]>();
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("localhai");
let connection: Connection | null = null;
let leads = false;

/** Events of a topic from now on. The function returned ends that. */
export function follow(wish: Wish): () => void {
  wishes.add(wish);
  announce();
  return () => {
    wishes.delete(wish);
    announce();
  };
}

/** Called once, at the start of the page. */
export function beginStream(): void {
  channel?.addEventListener("message", (message: MessageEvent<Message>) => hear(message.data));
  token.subscribe(() => connect());
  addEventListener("pagehide", () => send({ kind: "topics", tab, topics: [] }));
  addEventListener("pageshow", (event) => event.persisted && announce());
  if ("locks" in navigator) {
    void navigator.locks.request(`localhai-tab-${tab}`, () => new Promise(() => undefined));
    void navigator.locks.request("localhai-stream", () => {
      lead(true);
      return new Promise(() => undefined);
    });
  } else {
    lead(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", () => lead(document.visibilityState === "visible"));
  }
}

function lead(begin: boolean): void {
  leads = begin;
  connect();
}

function connect(): void {
  connection?.close();
  connection = null;
  if (!leads || !token.value) return;
  link.value = "connecting";
  connection = new Connection({
    link: (state) => {
      link.value = state;
      send({ kind: "state", link: state, server: server.value });
    },
    fresh: (found) => {
      server.value = found;
      tabs.clear();
      send({ kind: "state", link: "live", server: found });
      send({ kind: "renew" });
      announce();
    },
    event: (base, event, data) => {
      deliver(base, event, data);
      send({ kind: "event", base, event, data });
    },
  });
}

function hear(message: Message): void {
  if (message.kind === "event") deliver(message.base, message.event, message.data);
  else if (message.kind === "renew") announce();
  else if (message.kind === "state") {
    link.value = message.link;
    server.value = message.server ?? server.value;
  } else if (leads) {
    if (!tabs.has(message.tab)) watch(message.tab);
    tabs.set(message.tab, message.topics);
    tell();
    send({ kind: "state", link: link.value, server: server.value });
  }
}

/** Forgets a tab when it is gone: its lock is free then, however it ended. */
function watch(other: string): void {
  if (!("locks" in navigator)) return;
  void navigator.locks.request(`localhai-tab-${other}`, () => {
    tabs.delete(other);
    tell();
  });
}

function announce(): void {
  const topics = [...wishes].map((wish) => wish.topic());
  if (leads) {
    tabs.set(tab, topics);
    tell();
  } else send({ kind: "topics", tab, topics });
}

function tell(): void {
  connection?.want([...tabs.values()].flat());
}

function deliver(base: string, event: string, data: Record<string, unknown>): void {
  for (const wish of [...wishes]) if (wish.base === base) wish.on(event, data);
}

function send(message: Message): void {
  if ("locks" in navigator) channel?.postMessage(message);
}
