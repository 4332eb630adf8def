/** Which columns a list shows, in which order, how wide, which pinned; written into the query as one text. */
import { BESTS, type Best, type Table } from "./table";

export interface Column {
  /** As in `Table`: `step`, `p.KEY`, `m.KEY@max`. */
  name: string;
  width?: number;
  pinned?: boolean;
}

export interface Sort {
  name: string;
  descending: boolean;
}

export interface Fact {
  name: string;
  title: string;
  width: number;
  numeric?: boolean;
}

export const FACTS: readonly Fact[] = [
  { name: "counter", title: "#", width: 76, numeric: true },
  { name: "status", title: "Status", width: 112 },
  { name: "step", title: "Step", width: 112 },
  { name: "title", title: "Title, tags", width: 184 },
  { name: "created", title: "Created", width: 112 },
  { name: "started", title: "Started", width: 112 },
  { name: "finished", title: "Finished", width: 112 },
  { name: "duration", title: "Duration", width: 120, numeric: true },
  { name: "creator", title: "Creator", width: 112 },
  { name: "commit", title: "Commit", width: 112 },
  { name: "image", title: "Image", width: 176 },
  { name: "environment", title: "Environment", width: 128 },
  { name: "exit_code", title: "Exit code", width: 88, numeric: true },
  { name: "error", title: "Error", width: 240 },
  { name: "task", title: "Task", width: 72, numeric: true },
  { name: "pipeline", title: "Pipeline", width: 88, numeric: true },
  { name: "outputs", title: "Outputs", width: 88, numeric: true },
];

export const NEWEST: Sort = { name: "counter", descending: true };
export const NARROWEST = 48;
const WIDEST = 960;
const LOOKED_AT = 200; // executions
const SHOWN_KEYS = 6; // of parameters and of metrics, before somebody chooses

const facts = new Map(FACTS.map((fact) => [fact.name, fact]));

/** The columns before somebody chooses: what a person asks first, then parameters and metrics. */
export function initial(table: Table): Column[] {
  const before = ["counter", "status", "step", "title"].map((name) => ({ name, pinned: name === "counter" }));
  const parameters = usual(table, table.parameters().map((key) => `p.${key}`));
  const metrics = usual(table, table.metrics().map((key) => `m.${key}@latest`));
  return [...before, ...[...parameters, ...metrics, "duration", "created"].map((name) => ({ name }))];
}

/** Those that most of the newest executions have: one with thousands of keys hides nobody else's. */
function usual(table: Table, names: readonly string[]): string[] {
  if (names.length <= SHOWN_KEYS) return [...names];
  const newest = table.rows().slice(-LOOKED_AT);
  const having = new Map(names.map((name) => [name, newest.filter((row) => table.at(name, row) !== null).length]));
  const first = [...names].sort((a, b) => (having.get(b) ?? 0) - (having.get(a) ?? 0)).slice(0, SHOWN_KEYS);
  return names.filter((name) => first.includes(name));
}

export function encoded(columns: readonly Column[]): string {
  return columns.map(encodedOne).join(",");
}

function encodedOne({ name, width, pinned }: Column): string {
  return `${pinned ? "!" : ""}${escaped(name)}${width ? `:${Math.round(width)}` : ""}`;
}

/** The columns of a text; what is no column is left out. Null where none is left. */
export function decoded(text: string): Column[] | null {
  const names = new Set<string>();
  const columns = text.split(",").flatMap((part) => {
    const match = /^(!?)([^:!]+)(?::(\d{1,4}))?$/.exec(part);
    const name = match ? unescaped(match[2] ?? "") : "";
    if (!match || !isColumn(name) || names.has(name)) return [];
    names.add(name);
    const column: Column = { name };
    if (match[3]) column.width = bounded(Number(match[3]));
    if (match[1]) column.pinned = true;
    return [column];
  });
  return columns.length > 0 ? columns : null;
}

export function sortText(sort: Sort): string {
  return `${sort.descending ? "-" : ""}${sort.name}`;
}

export function sortOf(text: string | null): Sort {
  const name = text?.replace(/^-/, "") ?? "";
  return isColumn(name) ? { name, descending: text?.startsWith("-") ?? false } : NEWEST;
}

export function isColumn(name: string): boolean {
  if (facts.has(name)) return true;
  if (name.startsWith("p.")) return name.length > 2;
  return name.startsWith("m.") && BESTS.some((best) => name.endsWith(`@${best}`) && name.length > best.length + 3);
}

/** What stands above a column: its own words, and for a metric which value of it. */
export function heading(name: string): { title: string; best: Best | null; group: "" | "Parameters" | "Metrics" } {
  if (name.startsWith("p.")) return { title: name.slice(2), best: null, group: "Parameters" };
  const metric = metricOf(name);
  if (metric) return { title: metric.key, best: metric.best, group: "Metrics" };
  return { title: facts.get(name)?.title ?? name, best: null, group: "" };
}

export function metricOf(name: string): { key: string; best: Best } | null {
  if (!name.startsWith("m.")) return null;
  const at = name.lastIndexOf("@");
  return { key: name.slice(2, at), best: name.slice(at + 1) as Best };
}

export function widthOf(column: Column): number {
  if (column.width) return column.width;
  const fact = facts.get(column.name);
  if (fact) return fact.width;
  return Math.max(88, Math.min(200, heading(column.name).title.length * 7 + 48));
}

export function bounded(width: number): number {
  return Math.max(NARROWEST, Math.min(WIDEST, Math.round(width)));
}

/** Pinned ones stand first, in their order. */
export function arranged(columns: readonly Column[]): Column[] {
  return [...columns.filter((column) => column.pinned), ...columns.filter((column) => !column.pinned)];
}

/** The columns with one moved to before another (behind all with null). */
export function moved(columns: readonly Column[], name: string, before: string | null): Column[] {
  const column = columns.find((each) => each.name === name);
  if (!column || name === before) return [...columns];
  const rest = columns.filter((each) => each.name !== name);
  const at = before === null ? rest.length : rest.findIndex((each) => each.name === before);
  return arranged([...rest.slice(0, at), column, ...rest.slice(at)]);
}

function escaped(name: string): string {
  return name.replace(/[%,:!]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`); // the query escapes the rest
}

function unescaped(text: string): string {
  return text.replace(/%(25|2C|3A|21)/g, (_all, code: string) => String.fromCharCode(parseInt(code, 16)));
}
