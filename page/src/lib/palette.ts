/** How the curve of an execution looks, everywhere: a colour of Okabe and Ito, and a dash once they are used up. */

export interface Look {
  /** A variable of the style sheet: `--series-0` and on. */
  colour: string;
  dash: number[];
}

export const COLOURS = 7;
const DASHES = [[], [6, 3], [2, 3]];

/** The look of the n-th of those that are shown together: neighbours differ in both. */
export function lookOf(index: number): Look {
  const dash = DASHES[(index + Math.floor(index / COLOURS)) % DASHES.length] ?? [];
  return { colour: `--series-${index % COLOURS}`, dash };
}
