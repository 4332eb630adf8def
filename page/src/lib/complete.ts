/** What could be written at the caret of a filter. */
import { quoted } from "./filter";
import { FILTERED_FACTS, TableKeys } from "./match";
import type { Table } from "./table";

export interface Completion {
  /** The part of the text that is replaced. */
  from: number;
  to: number;
  choices: { text: string; note: string }[];
}

const MOST = 10;
const FIRST = 3; // facts that stand before what the project measures

export function completed(text: string, caret: number, table: Table): Completion | null {
  const from = text.slice(0, caret).search(/(?:"(?:[^"\\]|\\.)*"?|[^\s"])*$/);
  const begun = text.slice(from, caret).replace(/^-/, "");
  const start = caret - begun.length;
  const split = /^([^:=<>!]+)[:=](.*)$/.exec(begun);
  if (split) return values(split[1] ?? "", split[2] ?? "", caret, table);
  if (/[<>!]/.test(begun)) return null;
  const wanted = begun.replace(/^"/, "").toLowerCase();
  const facts = FILTERED_FACTS.map((name) => ({ text: `${name}:`, note: "" }));
  const choices = [
    ...facts.slice(0, FIRST),
    ...table.metrics().map((key) => ({ text: `${quoted(key)}>`, note: "metric" })),
    ...table.parameters().map((key) => ({ text: `${quoted(key)}=`, note: "parameter" })),
    ...facts.slice(FIRST),
  ].filter(({ text: choice }) => choice.replace(/^"/, "").toLowerCase().startsWith(wanted));
  return choices.length > 0 ? { from: start, to: caret, choices: choices.slice(0, MOST) } : null;
}

function values(key: string, begun: string, caret: number, table: Table): Completion | null {
  const found = new TableKeys(table).columnOf(key.replace(/^"|"$/g, ""));
  const column = "column" in found ? table.column(found.column) : undefined;
  if (!column) return null;
  const last = begun.split(",").at(-1) ?? "";
  const counts = new Map<string, number>();
  for (const cell of column) {
    for (const each of Array.isArray(cell) ? cell : [cell]) {
      if (each === null || each === undefined || typeof each === "object") continue;
      counts.set(String(each), (counts.get(String(each)) ?? 0) + 1);
    }
  }
  const wanted = last.replace(/^"/, "").toLowerCase();
  const choices = [...counts]
    .filter(([value]) => value.toLowerCase().startsWith(wanted) && value.toLowerCase() !== wanted)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([value, count]) => ({ text: quoted(value), note: String(count) }));
  return choices.length > 0 ? { from: caret - last.length, to: caret, choices } : null;
}
