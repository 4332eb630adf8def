import { describe, expect, test } from "vitest";
import { amount, parsed, quoted, unquoted } from "../src/lib/filter";
import { completed } from "../src/lib/complete";
import { filtered, TableKeys } from "../src/lib/match";
import { smallTable } from "./tables";

const table = smallTable();
const NOW = Date.parse("2026-11-29T12:00:00Z");
const counters = (text: string): unknown[] => filtered(table.rows(), table, text, NOW).map((row) => table.at("counter", row));
const problems = (text: string): (string | null)[] => parsed(text, new TableKeys(table)).map((term) => term.problem);

describe("a filter", () => {
  test.each([
    ["step:train", [1, 2, 3]],
    ["step:pre", [4]],
    ["status:error,stopped", [2, 4]],
    ["-status:complete", [2, 3, 4]],
    ["tag:best", [1]],
    ["lr<0.01", [2]],
    ["lr<=.01", [1, 2]],
    ["lr!=0.01", [2, 3]],
    ["acc>=.9", [1]],
    ["accuracy@min<0.2", [2]],
    ["duration>1min", [2, 3]],
    ["duration>90", [3]],
    ["created>2026-11-29T00:00:00Z", [3, 4]],
    ["tag:*", [1, 2]],
    ["#3", [3]],
    ["nightly", [2]],
    ['"two words"', [1]],
    ["step:train lr<0.5 -tag:best", [2]],
    ["", [1, 2, 3, 4]],
  ])("%s lets through %j", (text, expected) => expect(counters(text)).toEqual(expected));

  test("a word that means nothing is told, and lets all through", () => {
    expect(problems("nonsense:3")).toEqual(["no execution has a parameter, metric or fact named nonsense"]);
    expect(counters("nonsense:3 step:train")).toEqual([1, 2, 3]);
    expect(problems("lr<small")).toEqual(["< needs a number: small is none"]);
    expect(problems("step:")).toEqual(["nothing follows step:"]);
    expect(problems("a:1")).toEqual(["a could be accuracy, a b"]);
  });

  test("words know where they stand", () => {
    const [first, second] = parsed('step:train "two words"', new TableKeys(table));
    expect([first?.from, first?.to, second?.from, second?.to]).toEqual([0, 10, 11, 22]);
    expect(second?.value).toBe("two words");
  });

  test("a key with blanks is quoted", () => {
    expect(counters('"a b"=2')).toEqual([2]);
    expect(quoted("a b")).toBe('"a b"');
    expect(unquoted(quoted('a "b" \\'))).toBe('a "b" \\');
  });

  test("durations are numbers of seconds", () => {
    expect([amount("90s"), amount("2h"), amount("1.5m"), amount("1e-3"), amount("x")]).toEqual([90, 7200, 90, 0.001, null]);
  });
});

describe("completion", () => {
  const texts = (text: string, caret = text.length): string[] => completed(text, caret, table)?.choices.map((choice) => choice.text) ?? [];

  test("of keys: facts, metrics and parameters that begin so", () => {
    expect(texts("st")).toEqual(["status:", "step:"]);
    expect(texts("acc")).toEqual(["accuracy>"]);
    expect(texts("a ")).toContain("lr=");
  });

  test("of values: those that are there, most first", () => {
    expect(texts("step:")).toEqual(["train", "preprocess"]);
    expect(texts("status:error,st")).toEqual(["started", "stopped"]);
    expect(texts("tag:b")).toEqual(["best"]);
  });

  test("replaces the word at the caret only", () => {
    expect(completed("step:tr lr<1", 7, table)).toMatchObject({ from: 5, to: 7 });
  });
});
