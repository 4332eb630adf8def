import { describe, expect, test } from "vitest";
import { ago, aligned, clock, duration, grouped, number, plural, size, value } from "../src/lib/format";

test.each([
  [0.04, "0.0 s"], [0.7, "0.7 s"], [9.96, "10 s"], [41.4, "41 s"], [59.7, "1 min 00 s"], [252, "4 min 12 s"], [11040, "3 h 04 min"], [183600, "2 d 3 h"], [null, "—"],
])("%s seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test("what runs is shown as a clock", () => expect([clock(41), clock(725), clock(3723), clock(-5)]).toEqual(["0:41", "12:05", "1:02:03", "0:00"]));

test("sizes count in thousands", () => expect([size(0), size(999), size(705_700), size(999_960), size(3.1e9), size(null)]).toEqual(["0 B", "999 B", "705.7 kB", "1.0 MB", "3.1 GB", "—"]));

test("numbers keep what counts", () => {
  expect([number(0.924444444), number(1e-7), number(20261129), number(12345.678), number(1e21)]).toEqual(["0.92444", "1e-7", "20261129", "12346", "1e+21"]);
});

test("values of any kind are one line", () => {
  expect([value(null), value(true), value(["a", 1]), value({ a: 1 }), value("x")]).toEqual(["—", "true", "a, 1", '{"a":1}', "x"]);
});

describe("numbers of one column", () => {
  test("have their points below one another", () => {
    const write = aligned([0.92, 0.9158, 1]);
    expect([write(0.92), write(0.9158), write(1)]).toEqual(["0.9200", "0.9158", "1.0000"]);
  });

  test("whole ones stay whole, tiny ones are not written as nothing", () => {
    expect(aligned([1, 20])(20)).toBe("20");
    expect(aligned([0.5, 0.00001])(0.00001)).toBe("0.00001");
    expect(aligned([0.5])("text")).toBe("text");
  });
});

test("times are told by their distance", () => {
  const now = new Date(2026, 10, 29, 12, 0, 0);
  const before = (seconds: number): string => ago(new Date(now.getTime() - seconds * 1000).toISOString(), now.getTime());
  expect([before(-60), before(10), before(120), before(3 * 3600), before(20 * 3600), before(3 * 86400), before(30 * 86400), before(400 * 86400)]).toEqual([
    "now", "now", "2 min ago", "3 h ago", "yesterday", "3 days ago", "30 Oct", "25 Oct 2025",
  ]);
  expect([ago(null, 0), ago("rubbish", 0)]).toEqual(["—", "rubbish"]);
});

test("counts", () => expect([plural(1, "line"), plural(1204331, "line"), grouped(999)]).toEqual(["1 line", "1,204,331 lines", "999"]));
