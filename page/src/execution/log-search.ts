/** The matches of one search in one log, found by the server; stepped through from where one is. */
import { signal } from "@preact/signals";
import { asFailure, get } from "../net/api";

interface SearchAnswer {
  matches: number[];
  count: number;
  more: boolean;
}

const ONCE = 1000;

export class LogSearch {
  readonly text = signal("");
  readonly regex = signal(false);
  readonly matches = signal<readonly number[]>([]);
  readonly count = signal(0);
  readonly at = signal(-1);
  readonly problem = signal<string | null>(null);
  private more = false;
  private asked: AbortController | null = null;

  constructor(private readonly id: string) {}

  /** Looks for the text; the first match from that line on becomes the current one, and is returned. */
  async find(text: string, regex: boolean, from: number): Promise<number | null> {
    this.text.value = text;
    this.regex.value = regex;
    this.asked?.abort();
    this.matches.value = [];
    this.at.value = -1;
    this.count.value = 0;
    this.problem.value = null;
    if (!text) return null;
    const answer = await this.ask(0);
    if (!answer) return null;
    this.matches.value = answer.matches;
    this.count.value = answer.count;
    this.more = answer.more;
    if (answer.matches.length === 0) return null;
    this.at.value = Math.max(0, answer.matches.findIndex((n) => n >= from));
    return answer.matches[this.at.value] ?? null;
  }

  /** The match after (1) or before (-1) the current one; behind the last comes the first. */
  async step(by: 1 | -1): Promise<number | null> {
    const found = this.matches.value;
    if (found.length === 0) return null;
    let next = this.at.value + by;
    if (next >= found.length && this.more) {
      const answer = await this.ask(found.at(-1) ?? 0);
      if (answer) {
        this.matches.value = [...found, ...answer.matches];
        this.more = answer.more && answer.matches.length > 0;
      }
    }
    next = (next + this.matches.value.length) % this.matches.value.length;
    this.at.value = next;
    return this.matches.value[next] ?? null;
  }

  /** What to mark in the lines that are seen; null where nothing is looked for. */
  pattern(): RegExp | null {
    const text = this.text.value;
    if (!text) return null;
    try {
      return new RegExp(this.regex.value ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
    } catch {
      return null; // the server's grammar is another: it says what is wrong
    }
  }

  private async ask(after: number): Promise<SearchAnswer | null> {
    const asked = (this.asked = new AbortController());
    const words = new URLSearchParams({ q: this.text.value, regex: this.regex.value ? "1" : "0", case: "0", after: String(after), count: String(ONCE) });
    try {
      return await get<SearchAnswer>(`/page/log/${this.id}/search/?${words}`, asked.signal);
    } catch (error) {
      if (!asked.signal.aborted) this.problem.value = asFailure(error).message;
      return null;
    }
  }
}
