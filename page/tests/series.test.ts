import { describe, expect, test } from "vitest";
import { lookOf } from "../src/lib/palette";
import { downsampled, joined, valueAt, type Series } from "../src/lib/series";

function series(id: string, x: (number | null)[], last: (number | null)[], total = x.length): Series {
  return { id, y: "loss", x, last, min: last.map((each) => (each === null ? null : each - 1)), max: last, total, shown: x.length };
}

describe("curves over one x", () => {
  const data = joined([series("a", [1, 2, 4], [10, null, 30]), series("b", [2, 3], [5, 6])], 0);

  test("have all places, in order", () => expect(data.x).toEqual([1, 2, 3, 4]));

  test("know a gap from a place that is another curve's", () => {
    expect(data.curves[0]?.line).toEqual([10, null, undefined, 30]);
    expect(data.curves[1]?.line).toEqual([undefined, 5, 6, undefined]);
  });

  test("tell the value at or before a place", () => {
    const line = data.curves[0]?.line ?? [];
    expect([0, 1, 2, 3].map((index) => valueAt(line, index))).toEqual([10, null, null, 30]);
    expect(valueAt([undefined], 0)).toBeNull();
  });

  test("points without x are left out", () => expect(joined([series("a", [null, 1], [1, 2])], 0).curves[0]?.line).toEqual([2]));
});

test("smoothed, the line as it was is kept beside", () => {
  const [curve] = joined([series("a", [1, 2, 3], [4, 4, 4])], 0.9).curves;
  expect(curve?.raw).toEqual([4, 4, 4]);
  for (const value of curve?.line ?? []) expect(value).toBeCloseTo(4, 12);
});

test("only buckets of several lines have a band, and are told", () => {
  const all = [series("a", [1, 2], [1, 2], 1000), series("b", [1], [1])];
  expect(joined(all, 0).curves.map((curve) => curve.band !== null)).toEqual([true, false]);
  expect(downsampled(all)).toEqual({ shown: 2, total: 1000 });
  expect(downsampled(all.slice(1))).toBeNull();
});

test("twenty curves look different", () => {
  const looks = Array.from({ length: 20 }, (_each, index) => JSON.stringify(lookOf(index)));
  expect(new Set(looks).size).toBe(20);
});
