import type { ComponentChildren } from "preact";
import { FACTS } from "../lib/columns";
import { aligned, duration, NOTHING, shortCommit, value } from "../lib/format";
import { executionPath } from "../lib/route";
import type { Table } from "../lib/table";
import { Ago, Running } from "../parts/clock";
import { Status } from "../parts/status";
import { Tags } from "../parts/tags";

const TIMES = new Set(["created", "started", "finished"]);
const NUMERIC = new Set(FACTS.filter((fact) => fact.numeric).map((fact) => fact.name));

/** How the cells of one column are written. */
export interface Writer {
  right: boolean;
  write: (row: number) => ComponentChildren;
}

export function writerOf(name: string, table: Table, project: string, rows: readonly number[]): Writer {
  const column = table.column(name) ?? [];
  if (name.startsWith("m.") || name.startsWith("p.")) {
    const right = numeric(column, rows);
    const written = name.startsWith("m.") ? aligned(rows.map((row) => column[row])) : value;
    return { right, write: (row) => text(column[row] ?? null, written) };
  }
  const right = NUMERIC.has(name);
  if (TIMES.has(name)) return { right: false, write: (row) => <span class="soft"><Ago at={column[row] as string | null} /></span> };
  const write = facts[name] ?? ((row: number) => text(column[row] ?? null, value));
  return { right, write: (row) => write(row, table, project) };
}

const facts: Record<string, (row: number, table: Table, project: string) => ComponentChildren> = {
  counter: (row, table, project) => (
    <a class="counter" href={executionPath(project, String(table.at("counter", row)))} tabIndex={-1}>
      {String(table.at("counter", row))}
    </a>
  ),
  status: (row, table) => <Status status={String(table.at("status", row))} />,
  title: (row, table) => (
    <>
      {table.at("title", row) ? <span class="title-text">{String(table.at("title", row))}</span> : null}
      <Tags tags={(table.at("tags", row) as string[] | null) ?? []} />
    </>
  ),
  duration: (row, table) => {
    const started = table.at("started", row) as string | null;
    if (started && !table.at("finished", row)) return <span class="accent">running <Running since={started} /></span>;
    return text(table.at("duration", row), (seconds) => duration(seconds as number));
  },
  commit: (row, table) => <span class="mono">{shortCommit(table.at("commit", row))}</span>,
  image: (row, table) => <span class="mono">{value(table.at("image", row))}</span>,
  error: (row, table) => <span class="bad" title={value(table.at("error", row))}>{table.at("error", row) ? value(table.at("error", row)) : ""}</span>,
};

function text(cell: unknown, written: (cell: unknown) => string): ComponentChildren {
  if (cell === null || cell === undefined || cell === "") return <span class="faint">{NOTHING}</span>;
  return written(cell);
}

/** Whether a column holds numbers: they stand to the right. */
function numeric(column: readonly unknown[], rows: readonly number[]): boolean {
  const found = rows.find((row) => column[row] !== null && column[row] !== undefined);
  return found === undefined || typeof column[found] === "number";
}
