/** The lines of one log, in pages as they are looked at, and live where it still grows (page.md 5). */
import { signal } from "@preact/signals";
import { asFailure, get, type Failure } from "../net/api";
import { follow } from "../net/stream";

export interface LogLine {
  n: number;
  stream: "stdout" | "stderr" | "status";
  at: string;
  text: string;
}

interface LogAnswer {
  from: number;
  lines: LogLine[];
  total: number;
  complete: boolean;
}

const PAGE = 500;
const KEPT = 40; // pages

export class LogModel {
  readonly total = signal(0);
  readonly complete = signal(false);
  readonly loaded = signal(false);
  readonly failure = signal<Failure | null>(null);
  /** Grows when lines have arrived. */
  readonly version = signal(0);
  private readonly pages = new Map<number, LogLine[]>();
  private readonly asked = new Set<number>();

  constructor(readonly id: string) {}

  /** Live until the function returned is called. */
  use(): () => void {
    let stop: (() => void) | null = null;
    let ended = false;
    void this.begin().then(() => {
      if (!ended && !this.complete.value) stop = this.listen();
    });
    return () => {
      ended = true;
      stop?.();
    };
  }

  /** The line of a number, from 1, where it is here. */
  line(n: number): LogLine | undefined {
    return this.pages.get(Math.floor((n - 1) / PAGE))?.[(n - 1) % PAGE];
  }

  /** Fetches what of these lines is not here. */
  want(from: number, to: number): void {
    const last = Math.floor((Math.min(to, this.total.value) - 1) / PAGE);
    for (let page = Math.max(0, Math.floor((from - 1) / PAGE)); page <= last; page += 1) {
      if (!this.whole(page)) void (this.asked.has(page) || this.fetch(page));
      else this.touch(page);
    }
  }

  private listen(): () => void {
    return follow({
      base: `log:${this.id}`,
      topic: () => `log:${this.id}:${this.total.value + 1}`,
      on: (event, data) => event === "log" && this.take(data as unknown as LogAnswer),
    });
  }

  private whole(page: number): boolean {
    const lines = this.pages.get(page);
    if (!lines) return false;
    const wanted = Math.min(PAGE, this.total.value - page * PAGE);
    for (let index = 0; index < wanted; index += 1) if (!lines[index]) return false;
    return true;
  }

  /** Puts a page last: those that nobody looked at for longest are dropped first. */
  private touch(page: number): LogLine[] {
    const lines = this.pages.get(page) ?? [];
    this.pages.delete(page);
    this.pages.set(page, lines);
    return lines;
  }

  private async begin(): Promise<void> {
    try {
      this.take(await get<LogAnswer>(`/page/log/${this.id}/?line=-${PAGE}&count=${PAGE}`));
    } catch (error) {
      this.failure.value = asFailure(error);
    }
    this.loaded.value = true;
  }

  private async fetch(page: number): Promise<void> {
    this.asked.add(page);
    try {
      let line = page * PAGE + 1;
      const end = Math.min(this.total.value, line + PAGE - 1);
      while (line <= end) {
        const answer = await get<LogAnswer>(`/page/log/${this.id}/?line=${line}&count=${end - line + 1}`);
        this.take(answer);
        if (answer.lines.length === 0) break;
        line = (answer.lines.at(-1)?.n ?? line) + 1;
      }
      this.failure.value = null;
    } catch (error) {
      this.failure.value = asFailure(error);
    } finally {
      this.asked.delete(page);
    }
  }

  private take(answer: LogAnswer): void {
    for (const line of answer.lines) {
      this.touch(Math.floor((line.n - 1) / PAGE))[(line.n - 1) % PAGE] = line;
    }
    for (const page of this.pages.keys()) {
      if (this.pages.size <= KEPT) break;
      this.pages.delete(page);
    }
    this.total.value = Math.max(this.total.value, answer.total ?? 0, answer.lines.at(-1)?.n ?? 0);
    if (answer.complete) this.complete.value = true;
    this.version.value += 1;
  }
}
