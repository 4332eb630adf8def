import type { Column } from "./columns";
import type { Table } from "./table";

const KEPT = new Set(["counter", "status"]); // by these a row is known

/** The columns whose values are not the same in all rows. */
export function differing(columns: readonly Column[], rows: readonly number[], table: Table): Column[] {
  if (rows.length < 2) return [...columns];
  return columns.filter(({ name }) => {
    if (KEPT.has(name)) return true;
    const first = key(table, name, rows[0] ?? 0);
    return rows.some((row) => key(table, name, row) !== first);
  });
}

function key(table: Table, name: string, row: number): string {
  const cells = name === "title" ? [table.at("title", row), table.at("tags", row)] : table.at(name, row);
  return JSON.stringify(cells);
}
