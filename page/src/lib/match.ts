/** Which rows of a table a filter lets through. */
import { metricOf } from "./columns";
import { amount, parsed, type Keys, type Operator, type Term } from "./filter";
import { compared, durationAt } from "./sort";
import type { Cell, Table } from "./table";

const ALIASES: Record<string, string> = { tag: "tags", id: "counter", number: "counter", name: "title", code: "exit_code" };
const SEARCHED = ["step", "title", "tags", "error", "commit"];
export const FILTERED_FACTS = [
  "status", "step", "tag", "title", "created", "duration", "commit", "image", "environment", "creator", "error", "exit_code", "task", "pipeline", "outputs",
];

/** Keys of a filter: facts first, then metrics and parameters of that name, else the only one that begins so. */
export class TableKeys implements Keys {
  constructor(private readonly table: Table) {}

  columnOf(key: string): { column: string } | { problem: string } {
    const fact = ALIASES[key] ?? key;
    if (fact === "counter" || fact === "tags" || FILTERED_FACTS.includes(fact)) return { column: fact };
    const at = metricOf(`m.${key}`);
    if (at && this.table.column(`m.${key}`)) return { column: `m.${key}` };
    for (const column of [`m.${key}@latest`, `p.${key}`]) if (this.table.column(column)) return { column };
    const begun = this.all().filter(([name]) => name.startsWith(key));
    const [only] = begun;
    if (only && begun.length === 1) return { column: only[1] };
    if (begun.length > 1) return { problem: `${key} could be ${begun.slice(0, 4).map(([name]) => name).join(", ")}` };
    return { problem: `no execution has a parameter, metric or fact named ${key}` };
  }

  private all(): [string, string][] {
    const metrics = this.table.metrics().map((key): [string, string] => [key, `m.${key}@latest`]);
    const named = new Set(metrics.map(([key]) => key));
    const parameters = this.table.parameters().filter((key) => !named.has(key));
    return [...metrics, ...parameters.map((key): [string, string] => [key, `p.${key}`])];
  }
}

/** The rows that all words let through. A word that means nothing lets all through: it is underlined instead. */
export function filtered(rows: readonly number[], table: Table, text: string, now: number): number[] {
  const keys = new TableKeys(table);
  const tests = parsed(text, keys).filter((term) => !term.problem).map((term) => testOf(term, table, keys, now));
  return tests.length === 0 ? [...rows] : rows.filter((row) => tests.every((test) => test(row)));
}

function testOf(term: Term, table: Table, keys: Keys, now: number): (row: number) => boolean {
  const test = term.key === null ? everywhere(term.value, table) : inColumn(term, table, keys, now);
  return term.not ? (row) => !test(row) : test;
}

function everywhere(value: string, table: Table): (row: number) => boolean {
  const wanted = value.toLowerCase();
  const counter = /^#\d+$/.test(wanted) ? Number(wanted.slice(1)) : null;
  return (row) => {
    if (counter !== null) return table.at("counter", row) === counter;
    return SEARCHED.some((name) => contains(table.at(name, row), wanted)) || String(table.at("counter", row)) === wanted;
  };
}

function inColumn(term: Term, table: Table, keys: Keys, now: number): (row: number) => boolean {
  const found = keys.columnOf(term.key ?? "");
  const column = "column" in found ? found.column : "";
  const operator = term.operator ?? ":";
  const at = column === "duration" ? (row: number): Cell => durationAt(table, row, now) : (row: number): Cell => table.at(column, row);
  if (operator === ":") {
    const tests = term.value.split(",").filter(Boolean).map((value) => alike(column, value));
    return (row) => tests.some((test) => test(at(row)));
  }
  if (operator === "=" || operator === "!=") {
    const test = equals(term.value);
    return operator === "=" ? (row) => test(at(row)) : (row) => at(row) !== null && !test(at(row));
  }
  return ordered(operator, term.value, at);
}

/** `:` is equality for numbers, counts and statuses, and the beginning or any part of other words; `*` is any value. */
function alike(column: string, value: string): (cell: Cell) => boolean {
  if (value === "*") return (cell) => cell !== null && cell !== "" && !(Array.isArray(cell) && cell.length === 0);
  const wanted = value.toLowerCase();
  const same = equals(value);
  if (column === "status") return (cell) => String(cell).startsWith(wanted);
  if (column === "tags") return (cell) => Array.isArray(cell) && cell.some((tag) => String(tag).toLowerCase() === wanted);
  return (cell) => same(cell) || (typeof cell !== "number" && contains(cell, wanted));
}

function equals(value: string): (cell: Cell) => boolean {
  const wanted = amount(value);
  return (cell) => {
    if (cell === null) return false;
    if (typeof cell === "number") return wanted === cell;
    if (Array.isArray(cell)) return cell.some((each) => String(each) === value);
    return String(cell) === value;
  };
}

function ordered(operator: Operator, value: string, at: (row: number) => Cell): (row: number) => boolean {
  const wanted: Cell = amount(value) ?? new Date(value).toISOString();
  return (row) => {
    const cell = at(row);
    if (cell === null || typeof cell !== typeof wanted) return false;
    const found = compared(cell, wanted);
    if (operator === "<") return found < 0;
    if (operator === "<=") return found <= 0;
    return operator === ">" ? found > 0 : found >= 0;
  };
}

function contains(cell: Cell, wanted: string): boolean {
  if (cell === null || cell === undefined) return false;
  if (Array.isArray(cell)) return cell.some((each) => contains(each, wanted));
  return String(typeof cell === "object" ? JSON.stringify(cell) : cell).toLowerCase().includes(wanted);
}
