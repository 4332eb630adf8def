/** What a list shows and how: in the query, and columns and order also kept for the project. */
import { arranged, decoded, encoded, initial, NEWEST, sortOf, sortText, type Column, type Sort } from "../lib/columns";
import type { Table } from "../lib/table";
import { query, setQuery } from "../shell/router";

interface Kept {
  cols?: string;
  sort?: string;
}

export interface ListState {
  filter: string;
  columns: Column[];
  sort: Sort;
  differs: boolean;
  chosen: boolean;
}

export function listState(project: string, table: Table): ListState {
  const words = query.value;
  const kept = read(project);
  const cols = decoded(words.get("cols") ?? kept.cols ?? "");
  return {
    filter: words.get("q") ?? "",
    columns: arranged(cols ?? initial(table)),
    sort: sortOf(words.get("sort") ?? kept.sort ?? null),
    differs: words.get("differs") === "1",
    chosen: cols !== null,
  };
}

export function setColumns(project: string, columns: readonly Column[] | null): void {
  const cols = columns ? encoded(arranged(columns)) : null;
  write(project, { cols });
  setQuery({ cols });
}

export function setSort(project: string, sort: Sort): void {
  const text = sort.name === NEWEST.name && sort.descending ? null : sortText(sort);
  write(project, { sort: text });
  setQuery({ sort: text });
}

/** The order after a click on a column: numbers and times from the top, then turned, then as in the beginning. */
export function clicked(before: Sort, name: string, words: boolean): Sort {
  if (before.name !== name) return { name, descending: !words };
  if (before.descending === !words) return { name, descending: words };
  return NEWEST;
}

function read(project: string): Kept {
  try {
    return (JSON.parse(localStorage.getItem(keyOf(project)) ?? "{}") ?? {}) as Kept;
  } catch {
    return {};
  }
}

function write(project: string, changes: Record<string, string | null>): void {
  const next: Record<string, string | null> = { ...read(project), ...changes };
  for (const [name, value] of Object.entries(next)) if (value === null) delete next[name];
  try {
    localStorage.setItem(keyOf(project), JSON.stringify(next));
  } catch {
    // not kept; the address has it
  }
}

function keyOf(project: string): string {
  return `localhai.list.${project}`;
}
