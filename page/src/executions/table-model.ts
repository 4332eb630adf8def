/** A project's table, kept while the page lives and live from the stream: a list opened again is there at once. */
import { signal } from "@preact/signals";
import { Table, type TableAnswer } from "../lib/table";
import { asFailure, get, type Failure } from "../net/api";
import { follow } from "../net/stream";

const models = new Map<string, TableModel>();

export function tableOf(project: string): TableModel {
  let model = models.get(project);
  if (!model) models.set(project, (model = new TableModel(project)));
  return model;
}

export class TableModel {
  readonly table = new Table();
  /** Grows with every change of the table: who reads it is drawn again. */
  readonly version = signal(0);
  readonly loaded = signal(false);
  readonly failure = signal<Failure | null>(null);
  private waiting: TableAnswer[] | null = null;
  private users = 0;
  private stop: (() => void) | null = null;

  constructor(readonly project: string) {}

  /** Live from now on, until the function returned is called. */
  use(): () => void {
    this.users += 1;
    if (this.users === 1) {
      this.stop = follow({
        base: `table:${this.project}`,
        topic: () => `table:${this.project}${this.table.revision ? `:${this.table.revision}` : ""}`,
        on: (event, data) => this.hear(event, data),
      });
      void this.load();
    }
    return () => {
      this.users -= 1;
      if (this.users === 0) this.stop?.();
    };
  }

  /** Asks for what is new; events that come meanwhile are taken in afterwards. */
  async load(): Promise<void> {
    this.waiting = [];
    const since = this.table.revision ? `&since=${encodeURIComponent(this.table.revision)}` : "";
    try {
      this.take(await get<TableAnswer>(`/page/table/?project=${encodeURIComponent(this.project)}${since}`));
      for (const answer of this.waiting) this.take(answer);
      this.failure.value = null;
    } catch (error) {
      this.failure.value = asFailure(error);
    } finally {
      this.waiting = null;
    }
  }

  private hear(event: string, data: Record<string, unknown>): void {
    if (event !== "table") return;
    const answer = data as unknown as TableAnswer;
    if (this.waiting) this.waiting.push(answer);
    else this.take(answer);
  }

  private take(answer: TableAnswer): void {
    this.table.merge(answer);
    this.loaded.value = true;
    this.version.value += 1;
  }
}
