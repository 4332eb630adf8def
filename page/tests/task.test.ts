import { describe, expect, test } from "vitest";
import { axisOf, within } from "../src/lib/axes";
import { bestOf, ended, judged, metricsOf, sweptOf, type Child, type TaskRow } from "../src/tasks/task";

function child(number: number, parameters: Record<string, unknown>, metadata: Record<string, unknown>): Child {
  return { number, id: `c${number}`, counter: number, status: "complete", duration: 1, parameters, metadata };
}

const children = [
  child(0, { lr: 0.1, l2: 0 }, { accuracy: 0.8, loss: 0.5, note: "x" }),
  child(1, { lr: 0.5, l2: 0 }, { accuracy: 0.9, loss: 0.4 }),
  child(2, { lr: 0.9, l2: 0 }, {}),
];

describe("a sweep", () => {
  test("knows what was swept and what was measured", () => {
    expect(sweptOf(children)).toEqual(["lr"]);
    expect(metricsOf(children)).toEqual(["accuracy", "loss"]);
  });

  test("is judged by its target, else by a score, else by a loss", () => {
    expect([judged(["loss", "accuracy"], "loss"), judged(["loss", "accuracy"], null), judged(["steps", "loss"], null), judged(["steps"], "gone")]).toEqual(["loss", "accuracy", "loss", null]);
  });

  test("finds its best either way; who has no number is none", () => {
    expect([bestOf(children, "accuracy", "more"), bestOf(children, "loss", "less"), bestOf(children, "gone", "more"), bestOf([], null, "more")]).toEqual([1, 1, null, null]);
  });

  test("counts what has ended", () => expect(ended({ statuses: { complete: 2, error: 1, started: 3 } } as unknown as TaskRow)).toBe(3));
});

describe("an axis", () => {
  test("of numbers lies between the smallest and the largest", () => {
    const axis = axisOf("lr", [0.1, 0.9, null, 0.5]);
    expect(axis.places).toEqual([0, 1, null, 0.5]);
    expect(axis.marks.map((mark) => mark.text)).toEqual(["0.1", "0.5", "0.9"]);
  });

  test("has no marks that cover one another", () => {
    expect(axisOf("loss", [0.2149, 0.2166, 0.9]).marks.map((mark) => mark.text)).toEqual(["0.2149", "0.9"]);
  });

  test("of one value lies in the middle", () => expect(axisOf("l2", [3, 3]).places).toEqual([0.5, 0.5]));

  test("of words has them side by side in their order", () => {
    expect(axisOf("size", ["b10", "b9", null]).places).toEqual([1, 0, null]);
  });
});

test("brushes keep what lies within all of them", () => {
  const axes = [axisOf("a", [0, 5, 10, null]), axisOf("b", [0, 1, 0, 1])];
  expect(within(axes, new Map(), 4)).toEqual([true, true, true, true]);
  expect(within(axes, new Map([["a", [0.5, 1]]]), 4)).toEqual([false, true, true, false]);
  expect(within(axes, new Map([["a", [0.5, 1]], ["b", [0, 0.2]]]), 4)).toEqual([false, false, true, false]);
});
