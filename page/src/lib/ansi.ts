/** Colours of terminals (SGR of ECMA-48) as pieces of text with their style; every other sequence is left out. */

export interface Style {
  /** `0`-`15` of the palette, or `#rrggbb`. */
  ink?: number | string;
  ground?: number | string;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
}

export interface Piece {
  text: string;
  style: Style;
}

// CSI with its parameters, OSC until its end (titles, links), and the short ones
const SEQUENCE = /\x1b(?:\[([0-9:;<=>?]*)[ -/]*([@-~]|$)|\][^\x07\x1b]*(?:\x07|\x1b\\|$)|[PX^_][^\x1b]*(?:\x1b\\|$)|[ -/]*[0-~])/g;
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** The pieces of one line. A style ends with its line. */
export function pieces(line: string): Piece[] {
  const found: Piece[] = [];
  let style: Style = {};
  let from = 0;
  const add = (text: string): void => {
    const seen = text.replace(UNSEEN, "");
    if (seen) found.push({ text: seen, style });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    add(line.slice(from, match.index));
    if (match[2] === "m") style = restyled(style, match[1] ?? "");
    from = match.index + match[0].length;
  }
  add(line.slice(from));
  return found;
}

/** The text without its sequences. */
export function plain(line: string): string {
  return line.replace(SEQUENCE, "").replace(UNSEEN, "");
}

function restyled(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((each) => Number(each || 0));
  let style: Style = { ...before };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, taken] = extended(codes, at + 1);
      at += taken;
      if (colour !== undefined) style[code === 38 ? "ink" : "ground"] = colour;
    } else {
      style = simple(style, code);
    }
  }
  return style;
}

function simple(style: Style, code: number): Style {
  if (code >= 30 && code <= 37) return { ...style, ink: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, ink: code - 82 };
  if (code >= 40 && code <= 47) return { ...style, ground: code - 40 };
  if (code >= 100 && code <= 107) return { ...style, ground: code - 92 };
  switch (code) {
    case 0: return {};
    case 1: return { ...style, bold: true };
    case 2: return { ...style, dim: true };
    case 3: return { ...style, italic: true };
    case 4: return { ...style, underline: true };
    case 7: return { ...style, inverse: true };
    case 9: return { ...style, strike: true };
    case 22: return without(style, "bold", "dim");
    case 23: return without(style, "italic");
    case 24: return without(style, "underline");
    case 27: return without(style, "inverse");
    case 29: return without(style, "strike");
    case 39: return without(style, "ink");
    case 49: return without(style, "ground");
    default: return style;
  }
}

/** The colour after 38 or 48, and how many codes it took. */
function extended(codes: number[], at: number): [number | string | undefined, number] {
  if (codes[at] === 5) return [indexed(codes[at + 1] ?? 0), 2];
  if (codes[at] === 2) return [hex(codes[at + 1] ?? 0, codes[at + 2] ?? 0, codes[at + 3] ?? 0), 4];
  return [undefined, 0];
}

function indexed(index: number): number | string | undefined {
  if (index < 16) return index;
  if (index > 255) return undefined;
  if (index >= 232) return hex(...(Array(3).fill(8 + (index - 232) * 10) as [number, number, number]));
  const cube = (part: number): number => (part === 0 ? 0 : 55 + part * 40);
  const rest = index - 16;
  return hex(cube(Math.floor(rest / 36)), cube(Math.floor(rest / 6) % 6), cube(rest % 6));
}

function hex(...parts: [number, number, number]): string {
  return `#${parts.map((part) => Math.min(255, part).toString(16).padStart(2, "0")).join("")}`;
}

function without(style: Style, ...keys: (keyof Style)[]): Style {
  const left = { ...style };
  for (const key of keys) delete left[key];
  return left;
}
