/**
 * The words of a filter: `step:train status:error,stopped lr<0.01 acc>=.9 -tag:old "two words"`. All must hold. A word
 * without an operator is looked for in step, title, tags, error and number; `-` before a word turns it round.
 */

export type Operator = ":" | "=" | "!=" | "<" | "<=" | ">" | ">=";

export interface Term {
  /** Where it stands in the text. */
  from: number;
  to: number;
  not: boolean;
  /** Null for a word that is looked for everywhere. */
  key: string | null;
  operator: Operator | null;
  value: string;
  /** Why it means nothing; null where it does. */
  problem: string | null;
}

export interface Keys {
  /** The column of a key, or why there is none. */
  columnOf(key: string): { column: string } | { problem: string };
}

const ORDER = new Set<Operator>(["<", "<=", ">", ">="]);
const TERM = /(-)?(?:("(?:[^"\\]|\\.)*"?|[^\s"<>=!:]+)(!=|<=|>=|[:=<>])("(?:[^"\\]|\\.)*"?|[^\s"]*)|("(?:[^"\\]|\\.)*"?|\S+))/g;
const UNITS: Record<string, number> = { s: 1, min: 60, m: 60, h: 3600, d: 86400 };

export function parsed(text: string, keys: Keys): Term[] {
  return [...text.matchAll(TERM)].map((match) => {
    const [whole, minus, key, operator, value, word] = match;
    const from = match.index;
    const place = { from, to: from + whole.length, not: minus !== undefined };
    if (key === undefined || operator === undefined) {
      return { ...place, key: null, operator: null, value: unquoted(word ?? ""), problem: null };
    }
    const term = { ...place, key: unquoted(key), operator: operator as Operator, value: unquoted(value ?? "") };
    return { ...term, problem: problemOf(term, keys) };
  });
}

function problemOf(term: { key: string; operator: Operator; value: string }, keys: Keys): string | null {
  const found = keys.columnOf(term.key);
  if ("problem" in found) return found.problem;
  if (term.value === "") return `nothing follows ${term.key}${term.operator}`;
  if (ORDER.has(term.operator) && amount(term.value) === null && Number.isNaN(Date.parse(term.value))) {
    return `${term.operator} needs a number: ${term.value} is none`;
  }
  return null;
}

/** A number, or a duration in seconds (`90s`, `5min`, `2h`); null for what is neither. */
export function amount(text: string): number | null {
  const match = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(s|min|m|h|d)?$/i.exec(text);
  return match ? Number(match[1]) * (UNITS[match[2]?.toLowerCase() ?? ""] ?? 1) : null;
}

export function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  const inner = /^"((?:[^"\\]|\\.)*)"?$/.exec(text)?.[1] ?? text.slice(1);
  return inner.replace(/\\(.)/g, "$1");
}

/** As it must be written to be one word. */
export function quoted(text: string): string {
  return /^[^\s"<>=!:,\\-][^\s"<>=!:,\\]*$/.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
