import { describe, expect, test } from "vitest";
import { lineOf, rowsOf } from "../src/lib/csv";
import { smoothed } from "../src/lib/smooth";

describe("CSV", () => {
  test("is read with quotes, commas and lines within", () => {
    expect(rowsOf('a,b\r\n"1,2","say ""hi""\nthere"\n\n3,', ",", 10)).toEqual([["a", "b"], ["1,2", 'say "hi"\nthere'], [""], ["3", ""]]);
  });

  test("is read no further than asked", () => expect(rowsOf("a\nb\nc", ",", 2)).toEqual([["a"], ["b"]]));

  test("is written so that it is read the same, and no spreadsheet runs it", () => {
    expect(rowsOf(lineOf(["a,b", 'c"d', null, -1.5]), ",", 1)).toEqual([["a,b", 'c"d', "", "-1.5"]]);
    expect(lineOf(["=1+1", "@x"])).toBe("'=1+1,'@x");
  });
});

describe("smoothing", () => {
  test("a constant stays that constant from the first value on", () => {
    for (const value of smoothed(Array(50).fill(3.7), 0.9)) expect(value).toBeCloseTo(3.7, 12);
  });

  test("none changes nothing, a gap stays a gap and moves nothing", () => {
    expect(smoothed([1, 5, 2], 0)).toEqual([1, 5, 2]);
    const [first, gap, third] = smoothed([2, null, 4], 0.5);
    expect([first, gap]).toEqual([2, null]);
    expect(third).toBeCloseTo((0.25 * 2 + 0.5 * 4) / 0.75, 12);
  });

  test("is closer to its neighbours than the values", () => {
    const values = Array.from({ length: 100 }, (_each, index) => (index % 2 ? 1 : -1));
    expect(Math.max(...smoothed(values, 0.9).slice(20).map((each) => Math.abs(each ?? 9)))).toBeLessThan(0.2);
  });
});
