import { useState } from "preact/hooks";
import { executionPath } from "../lib/route";
import { direction } from "../lib/better";
import { cellsOf, GROUPS, type Compared, type ComparedRow } from "./compare-rows";

const COLUMNS = 100; // executions beside one another; more than that nobody reads
const ALWAYS = new Set(["created", "started", "finished", "duration"]); // differ between any two: nobody wonders

/** What differs on top, what equals folded; numbers against the baseline, the best of each metric marked. */
export function CompareTable({ project, compared, base }: { project: string; compared: Compared; base: number }) {
  const [open, setOpen] = useState(false);
  const executions = compared.executions.slice(0, COLUMNS);
  const order = Object.keys(GROUPS);
  const rows = [...compared.rows].sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
  const differing = rows.filter((row) => row.differs);
  const equal = rows.filter((row) => !row.differs);
  return (
    <div class="panel table-panel">
      <table class="simple compare-table">
        <thead>
          <tr>
            <th scope="col">What differs</th>
            {executions.map((each, index) => (
              <th key={each.id} scope="col">
                <a href={executionPath(project, String(each.counter))}>#{each.counter}</a>
                {index === base && " baseline"}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differing.length === 0 && (
            <tr>
              <th scope="row">Nothing: all is the same</th>
            </tr>
          )}
          {differing.map((row) => (
            <Row key={row.group + row.name} row={row} base={base} count={executions.length} />
          ))}
          {open && equal.map((row) => <Row key={row.group + row.name} row={row} base={base} count={executions.length} />)}
        </tbody>
      </table>
      {equal.length > 0 && (
        <button type="button" class="compare-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "▾" : "▸"} {equal.length} more are equal: {equal.slice(0, 12).map((row) => row.name).join(", ")}
          {equal.length > 12 && " …"}
        </button>
      )}
    </div>
  );
}

function Row({ row, base, count }: { row: ComparedRow; base: number; count: number }) {
  const way = row.group === "metrics" ? direction(row.name) : null;
  const about = way ? `${way} is better` : GROUPS[row.group];
  const plain = row.group === "metrics" || ALWAYS.has(row.name);
  return (
    <tr>
      <th scope="row" title={row.name}>
        {row.name} <span class="soft">{about}</span>
      </th>
      {cellsOf(row, base)
        .slice(0, count)
        .map((cell, index) => (
          <td key={index} title={cell.text} class={index === base ? undefined : cell.same ? "cell-same" : plain ? undefined : "cell-differs"}>
            {cell.best ? <span class="cell-best">{cell.text}</span> : cell.text}
            {cell.delta && <span class={`delta ${cell.delta.better === null ? "soft" : cell.delta.better ? "good" : "bad"}`}>{cell.delta.text}</span>}
          </td>
        ))}
    </tr>
  );
}
