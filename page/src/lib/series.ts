/** Curves as the server sends them (page.md 7.1) and as a chart draws them: one x for all. */
import { smoothed } from "./smooth";

export interface Series {
  id: string;
  y: string;
  x: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
  last: (number | null)[];
  total: number;
  shown: number;
}

/** What is drawn of one curve, aligned with `Joined.x`: undefined where this curve has no point, null where it has a gap. */
export interface Curve {
  id: string;
  line: Value[];
  /** The line as it was, where `line` is smoothed. */
  raw: Value[] | null;
  /** The smallest and largest of each bucket, where points stand for several lines. */
  band: { min: Value[]; max: Value[] } | null;
}

export type Value = number | null | undefined;

export interface Joined {
  x: number[];
  curves: Curve[];
}

/** Curves over one x, smoothed by `weight`. */
export function joined(all: readonly Series[], weight: number): Joined {
  const x = [...new Set(all.flatMap((series) => series.x.filter((each): each is number => each !== null)))].sort((a, b) => a - b);
  const places = new Map(x.map((each, index) => [each, index]));
  const curves = all.map((series) => {
    const spread = (values: readonly (number | null)[]): Value[] => {
      const line: Value[] = new Array<Value>(x.length).fill(undefined);
      series.x.forEach((at, index) => {
        if (at !== null) line[places.get(at) ?? 0] = values[index] ?? null;
      });
      return line;
    };
    const raw = spread(series.last);
    const band = series.shown < series.total ? { min: spread(series.min), max: spread(series.max) } : null;
    return weight > 0 ? { id: series.id, line: spread(smoothed(series.last, weight)), raw, band } : { id: series.id, line: raw, raw: null, band };
  });
  return { x, curves };
}

/** What a person is told where not every line is drawn. */
export function downsampled(all: readonly Series[]): { shown: number; total: number } | null {
  const cut = all.filter((series) => series.shown < series.total);
  if (cut.length === 0) return null;
  return { shown: cut.reduce((sum, series) => sum + series.shown, 0), total: cut.reduce((sum, series) => sum + series.total, 0) };
}

/** The last value of a curve at or before a place of the joined x. */
export function valueAt(line: readonly Value[], index: number): number | null {
  for (let at = index; at >= 0; at -= 1) if (line[at] !== undefined) return line[at] ?? null;
  return null;
}
