import { describe, expect, test } from "vitest";
import { changes, read, written } from "../src/lib/given";

test.each([[3], [0.5], ["text"], [""], [["a", 1]], [1e-7]])("%j is read as it was written", (value) => expect(read(written(value), value)).toEqual({ value }));

test("what cannot be meant is told", () => {
  expect(read("many", 3)).toEqual({ problem: "a number is needed" });
  expect(read("", 3)).toEqual({ problem: "a number is needed" });
  expect(read("a, b", ["a"])).toEqual({ problem: "a list is needed, as [1, 2]" });
  expect(read('{"a": 1}', ["a"])).toEqual({ problem: "a list is needed, as [1, 2]" });
});

describe("a form", () => {
  const before = { epochs: 8, note: "plain", fast: false, sizes: [1, 2] };
  const after = (fields: Record<string, string | boolean>) => changes(before, new Map(Object.entries(fields)));

  test("sends only what was changed", () => {
    expect(after({ epochs: "9", note: "plain", fast: true, sizes: "[1,2]" })).toEqual({ values: { epochs: 9, fast: true }, problems: new Map() });
  });

  test("keeps text that looks like a number a text", () => expect(after({ note: "8" }).values).toEqual({ note: "8" }));

  test("says what is wrong, field by field", () => expect([...after({ epochs: "x", sizes: "y" }).problems.keys()]).toEqual(["epochs", "sizes"]));
});
