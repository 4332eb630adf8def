import { describe, expect, test } from "vitest";
import { selected } from "../src/lib/selection";
import { settled } from "../src/lib/settle";
import { firstRow, offsetOf, seen, TALLEST } from "../src/lib/virtual";

describe("virtual rows", () => {
  test("only what is seen, and a few to spare", () => {
    expect(seen(1000, 400, 20, 10_000, 5)).toEqual({ from: 45, to: 75, top: 900, height: 200_000 });
    expect(seen(0, 400, 20, 3)).toMatchObject({ from: 0, to: 3, top: 0, height: 60 });
  });

  test.each([[1_000_000], [50_000_000]])("the first and the last of %i rows can be reached", (count) => {
    const viewport = 600;
    const height = Math.min(count * 20, TALLEST);
    expect(seen(0, viewport, 20, count).from).toBe(0);
    const end = seen(height - viewport, viewport, 20, count);
    expect(end.to).toBe(count);
    expect(end.top + (end.to - end.from) * 20).toBeCloseTo(height, 0);
  });

  test.each([0, 7, 499_999, 999_970])("scrolled to row %i it is the first", (row) => {
    expect(firstRow(offsetOf(row, 600, 20, 1_000_000), 600, 20, 1_000_000)).toBeCloseTo(row, 1);
  });
});

describe("a list that changes", () => {
  test("is shown anew to who is at its top", () => expect(settled(["a"], ["b", "a"], false)).toEqual({ ids: ["b", "a"], fresh: 0 }));

  test("keeps its rows for who has scrolled, and counts the new", () => {
    expect(settled(["a", "b", "c"], ["d", "c", "a"], true)).toEqual({ ids: ["a", "c"], fresh: 1 });
  });

  test("is the same list where nothing went, so that nothing is drawn again", () => {
    const shown = ["a", "b"];
    expect(settled(shown, ["b", "a"], true).ids).toBe(shown);
  });
});

describe("selecting", () => {
  const order = ["a", "b", "c", "d"];
  const after = (before: string[], id: string, anchor: string | null, shift: boolean) => [...selected(new Set(before), order, id, anchor, shift)].sort();

  test("a click turns one", () => expect([after([], "b", null, false), after(["b"], "b", "b", false)]).toEqual([["b"], []]));
  test("with shift, all between", () => expect([after(["b"], "d", "b", true), after(["c"], "a", "c", true)]).toEqual([["b", "c", "d"], ["a", "b", "c"]]));
  test("an anchor that is not shown any more is none", () => expect(after([], "c", "gone", true)).toEqual(["c"]));
});
