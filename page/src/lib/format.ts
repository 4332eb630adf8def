/** How numbers, sizes and times are written, everywhere the same. */

export const NOTHING = "—";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Seconds as a person says them: `0.7 s`, `41 s`, `4 min 12 s`, `3 h 04 min`, `2 d 3 h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NOTHING;
  const whole = Math.round(seconds);
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${two(whole % MINUTE)} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${two(Math.floor((whole % HOUR) / MINUTE))} min`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

/** What runs: `0:41`, `12:05`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = `${two(whole % MINUTE)}`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}:${rest}`;
  return `${Math.floor(whole / HOUR)}:${two(Math.floor((whole % HOUR) / MINUTE))}:${rest}`;
}

export function size(bytes: number | null | undefined): string {
  if (bytes == null) return NOTHING;
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A number in at most five digits that count; whole ones as they are. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
  return String(Number(value.toPrecision(5)));
}

/** Any value of a parameter, a metric or a fact as text of one line. */
export function value(given: unknown): string {
  if (given == null) return NOTHING;
  if (typeof given === "number") return number(given);
  if (typeof given === "string") return given;
  if (typeof given === "boolean") return given ? "true" : "false";
  if (Array.isArray(given)) return given.map(value).join(", ");
  return JSON.stringify(given);
}

/**
 * How the numbers of one column are written so that their points stand below one another: at most four decimals, as
 * many as any of them needs; what would vanish in those is written with an exponent.
 */
export function aligned(values: Iterable<unknown>): (given: unknown) => string {
  let decimals = 0;
  for (const each of values) {
    if (typeof each !== "number" || !Number.isFinite(each) || Number.isInteger(each)) continue;
    const written = String(Number(each.toPrecision(5)));
    if (written.includes("e")) continue;
    decimals = Math.max(decimals, Math.min(4, written.length - written.indexOf(".") - 1));
    if (decimals === 4) break;
  }
  return (given) => {
    if (typeof given !== "number" || !Number.isFinite(given)) return value(given);
    const size = Math.abs(given);
    if (size >= 1e9 || (size > 0 && size < 0.5 * 10 ** -decimals)) return number(given);
    return given.toFixed(decimals);
  };
}

/** A commit as people name it: the first of its digits, `~` before one that was made of a folder. */
export function shortCommit(commit: unknown): string {
  if (typeof commit !== "string" || !commit) return NOTHING;
  return commit.startsWith("~") ? commit.slice(0, 13) : commit.slice(0, 10);
}

/** A time as its distance from now: `now`, `2 min ago`, `yesterday`, then the date. */
export function ago(iso: string | null | undefined, now: number): string {
  if (!iso) return NOTHING;
  const at = new Date(iso);
  const seconds = (now - at.getTime()) / 1000;
  if (Number.isNaN(seconds)) return iso;
  if (seconds < 45) return "now";
  if (seconds < 90 * MINUTE) return `${Math.max(1, Math.round(seconds / MINUTE))} min ago`;
  const days = daysBetween(at, new Date(now));
  if (days === 0 || seconds < 6 * HOUR) return `${Math.round(seconds / HOUR)} h ago`;
  if (days === 1) return "yesterday";
  return days < 7 ? `${days} days ago` : date(at, new Date(now));
}

/** A time in full, in this browser's zone: `29 Nov 2026, 14:03:22`. */
export function moment(iso: string | null | undefined): string {
  if (!iso) return NOTHING;
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, ${timeOfDay(iso)}`;
}

export function timeOfDay(iso: string): string {
  const at = new Date(iso);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** `1 line`, `12 lines`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : nouns}`;
}

/** A count for people: `1,204,331`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

function date(at: Date, now: Date): string {
  const day = `${at.getDate()} ${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? day : `${day} ${at.getFullYear()}`;
}

function daysBetween(from: Date, to: Date): number {
  const midnight = (each: Date): number => Date.UTC(each.getFullYear(), each.getMonth(), each.getDate());
  return Math.round((midnight(to) - midnight(from)) / (DAY * 1000));
}

function two(part: number): string {
  return String(part).padStart(2, "0");
}
