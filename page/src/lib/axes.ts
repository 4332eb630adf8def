/** Axes of parallel coordinates: numbers by size, words side by side; a brush is a stretch of an axis. */
import { number, value } from "./format";
import { ticks } from "./ticks";

export interface Axis {
  name: string;
  /** Where each value stands, from 0 (below) to 1; null for one that is not there. */
  places: (number | null)[];
  marks: { place: number; text: string }[];
}

/** From and to, of 0 to 1. */
export type Brush = [number, number];
export type Brushes = ReadonlyMap<string, Brush>;

const CLOSE = 0.06; // of an axis: the height of a mark
const WORDS = 12; // marks of an axis of words

export function axisOf(name: string, values: readonly unknown[]): Axis {
  const there = values.filter((each) => each !== null && each !== undefined);
  if (there.length > 0 && there.every((each) => typeof each === "number")) return numeric(name, values as (number | null)[]);
  const words = [...new Set(there.map(value))].sort(new Intl.Collator("en", { numeric: true }).compare);
  const place = (index: number): number => (words.length === 1 ? 0.5 : index / (words.length - 1));
  const every = Math.ceil(words.length / WORDS);
  return {
    name,
    places: values.map((each) => (each === null || each === undefined ? null : place(words.indexOf(value(each))))),
    marks: words.flatMap((text, index) => (index % every === 0 ? [{ place: place(index), text }] : [])),
  };
}

function numeric(name: string, values: readonly (number | null)[]): Axis {
  const numbers = values.filter((each): each is number => typeof each === "number");
  const [low, high] = numbers.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)], [Infinity, -Infinity]);
  const place = (each: number): number => (high === low ? 0.5 : (each - low) / (high - low));
  const few = [...new Set(numbers)];
  const marked = few.length <= 6 ? few : ticks(low, high, 4);
  return {
    name,
    places: values.map((each) => (typeof each === "number" ? place(each) : null)),
    marks: apart(marked.map((each) => ({ place: place(each), text: number(each) }))),
  };
}

/** Marks that would cover one another are left out. */
function apart(marks: Axis["marks"]): Axis["marks"] {
  const sorted = marks.filter((mark) => mark.place >= 0 && mark.place <= 1).sort((a, b) => a.place - b.place);
  const kept: Axis["marks"] = [];
  for (const mark of sorted) {
    const before = kept.at(-1);
    if (!before || mark.place - before.place >= CLOSE) kept.push(mark);
  }
  return kept;
}

/** Which of all lie within every brush. */
export function within(axes: readonly Axis[], brushes: Brushes, count: number): boolean[] {
  const tests = axes.flatMap((axis) => {
    const brush = brushes.get(axis.name);
    return brush ? [{ axis, brush }] : [];
  });
  return Array.from({ length: count }, (_each, index) =>
    tests.every(({ axis, brush: [from, to] }) => {
      const place = axis.places[index] ?? null;
      return place !== null && place >= from - 1e-9 && place <= to + 1e-9;
    }),
  );
}
