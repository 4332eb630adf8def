import { useState } from "preact/hooks";
import { FACTS, heading, metricOf, moved, type Column } from "../lib/columns";
import { BESTS, type Table } from "../lib/table";
import { Popover } from "../parts/menu";

interface Props {
  table: Table;
  columns: readonly Column[];
  onColumns: (columns: Column[] | null) => void;
}

/** Which columns are shown, in which order, which pinned, and which value of a metric. */
export function ColumnsPanel({ table, columns, onColumns }: Props) {
  return (
    <Popover label="Columns" wide>
      {() => <Panel table={table} columns={columns} onColumns={onColumns} />}
    </Popover>
  );
}

function Panel({ table, columns, onColumns }: Props) {
  const [wanted, setWanted] = useState("");
  const shown = new Set(columns.map((column) => column.name));
  const fits = (name: string) => heading(name).title.toLowerCase().includes(wanted.toLowerCase());
  const others = [
    ...table.metrics().filter((key) => !BESTS.some((best) => shown.has(`m.${key}@${best}`))).map((key) => `m.${key}@latest`),
    ...table.parameters().map((key) => `p.${key}`),
    ...FACTS.map((fact) => fact.name),
  ].filter((name) => !shown.has(name));
  return (
    <div class="columns-panel">
      <input class="field" type="search" placeholder="Find a column" aria-label="Find a column" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
      <div class="columns-lists">
        <ul aria-label="Shown">
          {columns.filter((column) => fits(column.name)).map((column) => (
            <ShownColumn key={column.name} column={column} columns={columns} onColumns={onColumns} />
          ))}
        </ul>
        {others.some(fits) && <div class="side-title">Not shown</div>}
        <ul aria-label="Not shown">
          {others.filter(fits).slice(0, 200).map((name) => (
            <li key={name} class="columns-item">
              <label class="cut">
                <input type="checkbox" checked={false} onChange={() => onColumns([...columns, { name }])} />
                {heading(name).title}
              </label>
              <span class="soft">{{ Metrics: "metric", Parameters: "parameter", "": "" }[heading(name).group]}</span>
            </li>
          ))}
        </ul>
      </div>
      <div class="dialog-buttons">
        <button type="button" class="button small" onClick={() => onColumns(null)}>
          As in the beginning
        </button>
      </div>
    </div>
  );
}

function ShownColumn({ column, columns, onColumns }: { column: Column } & Omit<Props, "table">) {
  const { title } = heading(column.name);
  const metric = metricOf(column.name);
  const at = columns.indexOf(column);
  const replaced = (next: Column) => onColumns(columns.map((each) => (each === column ? next : each)));
  const shift = (step: -1 | 1) => onColumns(moved(columns, column.name, columns[step < 0 ? at - 1 : at + 2]?.name ?? null));
  return (
    <li class="columns-item">
      <label class="cut">
        <input type="checkbox" checked onChange={() => onColumns(columns.filter((each) => each !== column))} />
        {title}
      </label>
      {metric && (
        <select aria-label={`Which value of ${title}`} value={metric.best} onChange={(event) => replaced({ ...column, name: `m.${metric.key}@${event.currentTarget.value}` })}>
          {BESTS.map((best) => (
            <option key={best}>{best}</option>
          ))}
        </select>
      )}
      <button type="button" class="plain" aria-label={`${title} up`} disabled={at === 0} onClick={() => shift(-1)}>
        ↑
      </button>
      <button type="button" class="plain" aria-label={`${title} down`} disabled={at === columns.length - 1} onClick={() => shift(1)}>
        ↓
      </button>
      <button type="button" class="plain" aria-pressed={Boolean(column.pinned)} onClick={() => replaced({ ...column, pinned: !column.pinned })}>
        {column.pinned ? "Pinned" : "Pin"}
      </button>
    </li>
  );
}
