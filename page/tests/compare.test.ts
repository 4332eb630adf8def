import { describe, expect, test } from "vitest";
import { best, direction } from "../src/lib/better";
import { ticks } from "../src/lib/ticks";
import { oneWord, words } from "../src/lib/words";
import { cellsOf, numericColumns, type ComparedRow } from "../src/compare/compare-rows";

const row = (group: ComparedRow["group"], name: string, values: unknown[]): ComparedRow => ({ group, name, values, differs: true });

test.each([
  ["loss", "less"], ["val_loss", "less"], ["testError", "less"], ["RMSE", "less"], ["accuracy", "more"], ["val/f1", "more"], ["topAcc", "more"], ["lossless", null], ["grad/norm", null], ["epoch", null],
])("%s: %s is better", (name, way) => expect(direction(name)).toBe(way));

test("the best of a metric, all of them where several are, none where nobody knows or all are the same", () => {
  expect(best("more", [0.9, 0.95, null, 0.95])).toEqual([1, 3]);
  expect(best("less", [0.3, 0.2])).toEqual([1]);
  expect(best(null, [0.3, 0.2])).toEqual([]);
  expect(best("more", [1, 1])).toEqual([]);
  expect(best("more", [1, null, "text"])).toEqual([]);
});

describe("a row of a comparison", () => {
  test("says of a metric how it differs from the baseline and whether that is better", () => {
    const cells = cellsOf(row("metrics", "loss", [0.3782, 0.3794, 0.3016, null, 0.3782]), 0);
    expect(cells.map((cell) => cell.delta)).toEqual([null, { text: "+0.0012", better: false }, { text: "−0.0766", better: true }, null, { text: "±0", better: null }]);
    expect(cells.map((cell) => cell.best)).toEqual([false, false, true, false, false]);
  });

  test("says of all else whether it is the same as the baseline", () => {
    const cells = cellsOf(row("parameters", "l2", [0, 0.1, 0]), 2);
    expect(cells.map((cell) => [cell.text, cell.same])).toEqual([["0", true], ["0.1", false], ["0", false]]);
  });

  test("of a metric whose better way nobody knows says only by how much", () => {
    expect(cellsOf(row("metrics", "grad/norm", [1, 2]), 0)[1]).toMatchObject({ best: false, delta: { text: "+1", better: null } });
  });

  test("writes checksums and times for people", () => {
    expect(cellsOf(row("outputs", "model.json", ["cc3382000814ecf7aca8", null]), 0).map((cell) => cell.text)).toEqual(["cc3382000814", "—"]);
    expect(cellsOf(row("facts", "duration", [0.7, 75]), 0).map((cell) => cell.text)).toEqual(["0.7 s", "1 min 15 s"]);
  });

  test("names files, not their checksums", () => {
    const cells = cellsOf(row("inputs", "data", [{ "a.csv": "abcdef0123" }, { a: "1", b: "2" }, {}]), 0);
    expect(cells.map((cell) => cell.text)).toEqual(["a.csv abcdef01", "2 files", "no files"]);
  });
});

test("a scatter has parameters and metrics that are numbers", () => {
  const rows = [row("parameters", "lr", [0.1, null]), row("parameters", "note", ["a", "b"]), row("metrics", "acc", [1, 2]), row("facts", "exit_code", [0, 1])];
  expect([...numericColumns({ executions: [], rows })]).toEqual([["lr", [0.1, null]], ["acc", [1, 2]]]);
});

test("ticks are round", () => {
  expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticks(-3, 7, 4)).toEqual([0, 5]);
  expect(ticks(2, 2, 4)).toEqual([2]);
});

test("words of one query come back as they were", () => {
  const all = ["a,b", "c%2Cd", "e f", "ü/1"];
  expect(words(oneWord(all))).toEqual(all);
  expect(words(null)).toEqual([]);
});
