import { describe, expect, test } from "vitest";
import { arranged, bounded, decoded, encoded, heading, initial, moved, sortOf, sortText, type Column } from "../src/lib/columns";
import { Table } from "../src/lib/table";
import { smallAnswer, smallTable } from "./tables";

describe("columns in an address", () => {
  test.each<[Column[]]>([
    [[{ name: "counter", pinned: true }, { name: "step", width: 120 }]],
    [[{ name: "p.learning-rate" }, { name: "m.accuracy@max", width: 90, pinned: true }]],
    [[{ name: "p.a,b:c!d e%@" }, { name: "m.a@min@latest" }]],
  ])("%j comes back as it was", (columns) => expect(decoded(encoded(columns))).toEqual(columns));

  test("what is no column is left out, doubles too", () => {
    expect(decoded("step,nothing,m.x@mean,p.,step,%,status:9999")).toEqual([{ name: "step" }, { name: "status", width: 960 }]);
    expect(decoded("")).toBeNull();
    expect(decoded("rubbish")).toBeNull();
  });

  test("order is written with its direction", () => {
    expect(sortOf(sortText({ name: "m.accuracy@max", descending: true }))).toEqual({ name: "m.accuracy@max", descending: true });
    expect(sortOf("nonsense")).toEqual({ name: "counter", descending: true });
    expect(sortOf(null)).toEqual({ name: "counter", descending: true });
  });
});

describe("arranging", () => {
  const columns: Column[] = [{ name: "counter", pinned: true }, { name: "step" }, { name: "status" }];

  test("pinned ones stand first", () => {
    expect(arranged([{ name: "step" }, { name: "status", pinned: true }]).map((each) => each.name)).toEqual(["status", "step"]);
  });

  test("a moved one stands before the other, or last", () => {
    expect(moved(columns, "status", "step").map((each) => each.name)).toEqual(["counter", "status", "step"]);
    expect(moved(columns, "step", null).map((each) => each.name)).toEqual(["counter", "status", "step"]);
    expect(moved(columns, "step", "step")).toEqual(columns);
  });

  test("widths stay within reason", () => expect([bounded(3), bounded(5000), bounded(99.6)]).toEqual([48, 960, 100]));

  test("before a choice: number, status, step, title, then what the project measures", () => {
    expect(initial(smallTable()).map((each) => each.name)).toEqual(["counter", "status", "step", "title", "p.a b", "p.lr", "m.accuracy@latest", "duration", "created"]);
  });

  test("before a choice, metrics that most have come before those of one with very many", () => {
    const answer = smallAnswer();
    for (let key = 0; key < 100; key += 1) {
      const column = { rows: [0], values: [key] };
      answer.metrics[`a${key}`] = { latest: column, min: column, max: column };
    }
    const table = new Table();
    table.merge(answer);
    expect(initial(table).map((each) => each.name)).toContain("m.accuracy@latest");
    expect(initial(table).filter((each) => each.name.startsWith("m."))).toHaveLength(6);
  });

  test("headings", () => {
    expect(heading("m.a@b@max")).toEqual({ title: "a@b", best: "max", group: "Metrics" });
    expect(heading("counter").title).toBe("#");
  });
});
