/** The one stream of this browser: read, kept alive, told what to carry. Runs in the tab that leads. */
import { EventParser } from "../lib/sse";
import { Failure, post, request } from "./api";
import { baseOfEvent, changes } from "./topics";

export interface Server {
  version: string;
  bundle: string;
  started: string;
}

export type Link = "connecting" | "live" | "lost";

export interface Listener {
  link(state: Link): void;
  /** A stream began anew: everybody says again what is wanted, as of now. */
  fresh(server: Server): void;
  event(base: string, event: string, data: Record<string, unknown>): void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

export class Connection {
  private readonly end = new AbortController();
  private readonly held = new Map<string, string>();
  private stream: string | null = null;
  private last = "";
  private telling: Promise<void> = Promise.resolve();
  private wake: (() => void) | null = null;

  constructor(private readonly listener: Listener) {
    void this.run();
    addEventListener("online", () => this.wake?.(), { signal: this.end.signal });
  }

  close(): void {
    this.end.abort();
    this.wake?.();
  }

  /** Carries these topics from now on, and no others. */
  want(topics: Iterable<string>): void {
    const all = [...topics];
    this.telling = this.telling.then(() => this.tell(all));
  }

  private async tell(topics: string[]): Promise<void> {
    const stream = this.stream;
    const asked = changes(this.held, topics);
    if (!stream || (asked.subscribe.length === 0 && asked.unsubscribe.length === 0)) return;
    for (const topic of asked.unsubscribe) this.held.delete(topic.split(":").slice(0, 2).join(":"));
    for (const topic of asked.subscribe) this.held.set(topic.split(":").slice(0, 2).join(":"), topic);
    try {
      await post(`/page/stream/${encodeURIComponent(stream)}/`, asked);
    } catch (error) {
      if (error instanceof Failure && error.status === 404) this.held.clear(); // it ended meanwhile: asked again when it is back
    }
  }

  private async run(): Promise<void> {
    let wait = FIRST_WAIT;
    while (!this.end.signal.aborted) {
      try {
        await this.read(() => (wait = FIRST_WAIT));
      } catch (error) {
        if (this.end.signal.aborted || (error instanceof Failure && error.status === 401)) return;
      }
      this.listener.link("lost");
      await this.pause(wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  private async read(connected: () => void): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.last) headers["Last-Event-ID"] = this.last;
    const answer = await request("GET", "/page/stream/", undefined, { headers, signal: this.end.signal });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      for (const { event, data, id } of parser.push(part.value)) {
        if (id) this.last = id;
        if (event === "bye") return;
        if (event === "hello") {
          connected();
          this.greeted(JSON.parse(data) as { stream: string; resumed?: boolean; server: Server });
        } else this.take(event, JSON.parse(data) as Record<string, unknown>);
      }
    }
  }

  private greeted(hello: { stream: string; resumed?: boolean; server: Server }): void {
    this.stream = hello.stream;
    this.listener.link("live");
    if (hello.resumed) return;
    this.held.clear();
    this.listener.fresh(hello.server);
  }

  private take(event: string, data: Record<string, unknown>): void {
    const base = baseOfEvent(event, data);
    if (base === null) return;
    if (event === "gone") this.held.delete(base);
    this.listener.event(base, event, data);
  }

  private pause(wait: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
