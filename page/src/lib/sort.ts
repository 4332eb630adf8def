import type { Sort } from "./columns";
import type { Cell, Table } from "./table";

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Rows in order. Who has no value stands last whichever way; equals stand newest first. */
export function sorted(rows: readonly number[], table: Table, sort: Sort, now: number): number[] {
  const keys = sort.name === "duration" ? durations(table, now) : table.column(sort.name);
  const counters = table.column("counter");
  const turn = sort.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const left = keys?.[a] ?? null;
    const right = keys?.[b] ?? null;
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1;
    } else {
      const found = turn * compared(left, right);
      if (found !== 0) return found;
    }
    return Number(counters?.[b] ?? 0) - Number(counters?.[a] ?? 0);
  });
}

/** Numbers by size and before words; words as people order them, so that 10 follows 9. */
export function compared(left: Cell, right: Cell): number {
  if (typeof left === "number") return typeof right === "number" ? left - right : -1;
  if (typeof right === "number") return 1;
  return left === right ? 0 : words.compare(text(left), text(right));
}

/** How long each ran so far, in seconds. */
export function durationAt(table: Table, row: number, now: number): number | null {
  const done = table.at("duration", row);
  if (typeof done === "number") return done;
  const started = table.at("started", row);
  if (typeof started !== "string" || table.at("finished", row)) return null;
  return Math.max(0, (now - Date.parse(started)) / 1000);
}

function durations(table: Table, now: number): (number | null)[] {
  return table.ids.map((_id, row) => durationAt(table, row, now));
}

function text(cell: Cell): string {
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}
