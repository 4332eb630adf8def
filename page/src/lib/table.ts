/** The table of a project's executions as columns, and how answers with changed rows are merged (page.md 3). */

export type Cell = unknown;
export type Sparse = Cell[] | { rows: number[]; values: Cell[] };
export type Best = "latest" | "min" | "max";
export const BESTS: readonly Best[] = ["latest", "min", "max"];

export interface TableAnswer {
  revision: string;
  whole: boolean;
  count: number;
  rows: number;
  removed: string[];
  columns: Record<string, Cell[]>;
  parameters: Record<string, Sparse>;
  metrics: Record<string, Record<Best, Sparse>>;
  left_out?: { parameters: number; metrics: number };
}

/**
 * Rows are numbers that stay as long as the table lives: a removed row leaves a hole. Columns are named `step` (a
 * fact), `p.KEY` (a parameter), `m.KEY@latest`, `m.KEY@min`, `m.KEY@max` (a metric).
 */
export class Table {
  revision = "";
  leftOut = { parameters: 0, metrics: 0 };
  readonly ids: (string | null)[] = [];
  private readonly places = new Map<string, number>();
  private readonly columns = new Map<string, Cell[]>();

  get count(): number {
    return this.places.size;
  }

  /** Numbers of the rows that are there, oldest first. */
  rows(): number[] {
    return [...this.places.values()];
  }

  row(id: string): number | undefined {
    return this.places.get(id);
  }

  at(column: string, row: number): Cell {
    return this.columns.get(column)?.[row] ?? null;
  }

  column(name: string): readonly Cell[] | undefined {
    return this.columns.get(name);
  }

  parameters(): string[] {
    return this.keys("p.", "");
  }

  metrics(): string[] {
    return this.keys("m.", "@latest");
  }

  /** Takes in an answer; the ids of rows that are new. */
  merge(answer: TableAnswer): string[] {
    if (answer.whole) this.clear();
    this.revision = answer.revision;
    if (answer.left_out) this.leftOut = answer.left_out;
    for (const id of answer.removed) this.remove(id);
    const added: string[] = [];
    const places = (answer.columns.id ?? []).map((id) => this.place(String(id), added));
    for (const column of this.columns.values()) for (const place of places) column[place] = null;
    for (const [name, values] of Object.entries(answer.columns)) this.fill(name, values, places);
    for (const [key, values] of Object.entries(answer.parameters)) this.fill(`p.${key}`, values, places);
    for (const [key, bests] of Object.entries(answer.metrics)) {
      for (const best of BESTS) this.fill(`m.${key}@${best}`, bests[best], places);
    }
    return added;
  }

  private place(id: string, added: string[]): number {
    const known = this.places.get(id);
    if (known !== undefined) return known;
    const place = this.ids.length;
    this.ids.push(id);
    this.places.set(id, place);
    added.push(id);
    return place;
  }

  private fill(name: string, given: Sparse, places: readonly number[]): void {
    let column = this.columns.get(name);
    if (!column) this.columns.set(name, (column = []));
    const [rows, values] = Array.isArray(given) ? [null, given] : [given.rows, given.values];
    values.forEach((value, index) => {
      const place = places[rows ? (rows[index] ?? -1) : index];
      if (place !== undefined && column) column[place] = value;
    });
  }

  private remove(id: string): void {
    const place = this.places.get(id);
    if (place === undefined) return;
    this.places.delete(id);
    this.ids[place] = null;
    for (const column of this.columns.values()) column[place] = null;
  }

  private clear(): void {
    this.ids.length = 0;
    this.places.clear();
    this.columns.clear();
  }

  private keys(prefix: string, suffix: string): string[] {
    const names = [...this.columns.keys()].filter((name) => name.startsWith(prefix) && name.endsWith(suffix));
    return names.map((name) => name.slice(prefix.length, name.length - suffix.length)).sort();
  }
}
