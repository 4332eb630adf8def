import { describe, expect, test } from "vitest";
import { pieces, plain } from "../src/lib/ansi";
import { collapsed } from "../src/lib/carriage";
import { fragmentOf, linesOf } from "../src/lib/lines";

describe("colours of terminals", () => {
  test("plain text is one piece without style", () => expect(pieces("a <b> c")).toEqual([{ text: "a <b> c", style: {} }]));

  test.each([
    ["\x1b[31mred\x1b[0m", { ink: 1 }],
    ["\x1b[1;92mgreen", { bold: true, ink: 10 }],
    ["\x1b[44mx", { ground: 4 }],
    ["\x1b[38;5;9mx", { ink: 9 }],
    ["\x1b[38;5;196mx", { ink: "#ff0000" }],
    ["\x1b[48;5;232mx", { ground: "#080808" }],
    ["\x1b[38;2;1;2;300mx", { ink: "#0102ff" }],
    ["\x1b[1m\x1b[22mx", {}],
    ["\x1b[31;39mx", {}],
    ["\x1b[4;7mx", { underline: true, inverse: true }],
  ])("%j", (line, style) => expect(pieces(line)[0]?.style).toEqual(style));

  test("a colour lasts until it is taken back", () => {
    expect(pieces("a\x1b[31mb\x1b[mc").map((piece) => [piece.text, piece.style.ink])).toEqual([["a", undefined], ["b", 1], ["c", undefined]]);
  });

  test("all other sequences and control characters are left out", () => {
    expect(plain("\x1b[2Ja\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c\x1b(Bd\x00e\x1b[?25lf\tg")).toBe("abcdef\tg");
    expect(plain("cut \x1b[3")).toBe("cut ");
  });
});

describe("carriage returns", () => {
  test.each([
    ["no return", "no return"],
    ["10%\r50%\r100%", "100%"],
    ["100%\r\n".trimEnd(), "100%"],
    ["abcdef\rXY", "XYcdef"],
    ["done\r", "done"],
    ["\x1b[32m10%\x1b[0m\r\x1b[32m90%\x1b[0m", "\x1b[32m90%\x1b[0m"],
    ["\r\r", ""],
  ])("%j is shown as %j", (line, shown) => expect(collapsed(line)).toBe(shown));
});

describe("lines in an address", () => {
  test.each([
    ["#L123", { from: 123, to: 123 }],
    ["#L123-130", { from: 123, to: 130 }],
    ["#L130-L123", { from: 123, to: 130 }],
  ])("%s", (fragment, lines) => {
    expect(linesOf(fragment)).toEqual(lines);
    expect(linesOf(fragmentOf(lines))).toEqual(lines);
  });

  test.each(["", "#L0", "#L", "#login=3", "#L1-x"])("%j names none", (fragment) => expect(linesOf(fragment)).toBeNull());
});
