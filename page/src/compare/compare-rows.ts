/** A comparison as the server sends it (page.md 7.3), and how its rows are shown. Pure. */
import { best, direction } from "../lib/better";
import { aligned, duration, moment, number, shortCommit, value } from "../lib/format";

export interface Compared {
  executions: { id: string; counter: number; project: string; step: string; status: string }[];
  rows: ComparedRow[];
}

export interface ComparedRow {
  group: "facts" | "parameters" | "inputs" | "environment_variables" | "metrics" | "outputs";
  name: string;
  values: unknown[];
  differs: boolean;
}

/** In the order in which they are shown, with what is said beside a name that would not be understood alone. */
export const GROUPS: Record<ComparedRow["group"], string> = {
  parameters: "",
  metrics: "metric",
  inputs: "input",
  environment_variables: "variable",
  facts: "",
  outputs: "output",
};

export interface ShownCell {
  text: string;
  same: boolean;
  best: boolean;
  /** How it differs from the baseline, signed; null where that says nothing. */
  delta: { text: string; better: boolean | null } | null;
}

const checksum = (given: unknown): string => (given === null ? value(null) : String(given).replace(/^sha256:/, "").slice(0, 12));
const time = (given: unknown): string => moment(given as string | null);

/** Facts, and files by their checksums, that are not written as they are. */
const WRITTEN: Record<string, (given: unknown) => string> = {
  commit: shortCommit,
  image_digest: checksum,
  outputs: checksum,
  created: time,
  started: time,
  finished: time,
  duration: (given) => duration(given as number | null),
};

/** The cells of a row against the one of `base`. */
export function cellsOf(row: ComparedRow, base: number): ShownCell[] {
  const winners = new Set(row.group === "metrics" ? best(direction(row.name), row.values) : []);
  const baseline = row.values[base];
  const written = row.group === "metrics" ? aligned(row.values) : (WRITTEN[row.group === "facts" ? row.name : row.group] ?? value);
  return row.values.map((given, index) => ({
    text: textOf(row, given, written),
    same: index !== base && JSON.stringify(given) === JSON.stringify(baseline),
    best: winners.has(index),
    delta: row.group === "metrics" && index !== base ? delta(row.name, given, baseline) : null,
  }));
}

function delta(name: string, given: unknown, baseline: unknown): ShownCell["delta"] {
  if (typeof given !== "number" || typeof baseline !== "number") return null;
  const difference = Number((given - baseline).toPrecision(4));
  if (difference === 0) return { text: "±0", better: null };
  const text = `${difference > 0 ? "+" : "−"}${number(Math.abs(difference))}`;
  const way = direction(name);
  return { text, better: way === null ? null : best(way, [given, baseline])[0] === 0 };
}

/** Files are known by their checksums, which say nothing to a person: how many, and the beginning of the first. */
function textOf(row: ComparedRow, given: unknown, written: (given: unknown) => string): string {
  if (given !== null && typeof given === "object" && !Array.isArray(given) && (row.group === "inputs" || row.group === "outputs")) {
    const sums = Object.entries(given as Record<string, unknown>);
    const [first] = sums;
    if (!first) return "no files";
    return sums.length > 1 ? `${sums.length} files` : `${first[0]} ${String(first[1]).slice(0, 8)}`;
  }
  return written(given);
}

/** Columns of numbers that a scatter can lay against one another, by name. */
export function numericColumns(compared: Compared): Map<string, (number | null)[]> {
  const found = new Map<string, (number | null)[]>();
  for (const row of compared.rows) {
    if (row.group !== "parameters" && row.group !== "metrics") continue;
    if (!row.values.some((given) => typeof given === "number")) continue;
    found.set(row.name, row.values.map((given) => (typeof given === "number" ? given : null)));
  }
  return found;
}
