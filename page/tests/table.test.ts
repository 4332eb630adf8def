import { describe, expect, test } from "vitest";
import { differing } from "../src/lib/differ";
import { sorted } from "../src/lib/sort";
import type { TableAnswer } from "../src/lib/table";
import { smallTable } from "./tables";

const NOW = Date.parse("2026-11-29T12:00:00Z");

function change(columns: Record<string, unknown[]>, more: Partial<TableAnswer> = {}): TableAnswer {
  const rows = columns.id?.length ?? 0;
  return { revision: "r2", whole: false, count: 4, rows, removed: [], columns, parameters: {}, metrics: {}, ...more };
}

describe("a table", () => {
  test("holds facts, parameters and metrics as columns, sparse ones too", () => {
    const table = smallTable();
    const row = table.row("b") ?? -1;
    expect(["step", "p.lr", "p.a b", "m.accuracy@latest", "m.accuracy@max"].map((name) => table.at(name, row))).toEqual(["train", 0.001, 2, 0.5, 0.6]);
    expect(table.at("p.a b", table.row("a") ?? -1)).toBeNull();
    expect([table.parameters(), table.metrics()]).toEqual([["a b", "lr"], ["accuracy"]]);
  });

  test("replaces a changed row whole, adds new ones, drops removed ones", () => {
    const table = smallTable();
    const added = table.merge(change({ id: ["b", "e"], counter: [2, 5], step: ["train", "train"] }, { removed: ["a"], metrics: { accuracy: { latest: [0.7, null], min: [0.1, null], max: [0.7, null] } } }));
    expect(added).toEqual(["e"]);
    expect(table.count).toBe(4);
    expect(table.row("a")).toBeUndefined();
    const row = table.row("b") ?? -1;
    expect([table.at("m.accuracy@latest", row), table.at("p.lr", row), table.at("error", row)]).toEqual([0.7, null, null]);
    expect(table.revision).toBe("r2");
  });

  test("a key that comes later fills only its rows", () => {
    const table = smallTable();
    table.merge(change({ id: ["c"], counter: [3] }, { parameters: { fresh: [9] } }));
    expect(["a", "c"].map((id) => table.at("p.fresh", table.row(id) ?? -1))).toEqual([null, 9]);
  });

  test("a whole answer replaces everything", () => {
    const table = smallTable();
    table.merge({ ...change({ id: ["z"], counter: [1] }), whole: true });
    expect([table.count, table.parameters()]).toEqual([1, []]);
  });
});

describe("order", () => {
  const table = smallTable();
  const order = (name: string, descending: boolean): unknown[] => sorted(table.rows(), table, { name, descending }, NOW).map((row) => table.at("counter", row));

  test("who has no value stands last, whichever way", () => {
    expect(order("p.lr", false)).toEqual([2, 1, 3, 4]);
    expect(order("p.lr", true)).toEqual([3, 1, 2, 4]);
  });

  test("equals stand newest first", () => expect(order("step", false)).toEqual([4, 3, 2, 1]));

  test("what runs has run until now", () => expect(order("duration", true)).toEqual([3, 2, 1, 4]));
});

test("only what differs keeps number and status, and what is not the same", () => {
  const table = smallTable();
  const columns = ["counter", "status", "step", "title", "p.lr"].map((name) => ({ name }));
  const rows = table.rows().slice(1, 3);
  expect(differing(columns, rows, table).map((column) => column.name)).toEqual(["counter", "status", "title", "p.lr"]);
  expect(differing(columns, rows.slice(1), table)).toEqual(columns);
});
