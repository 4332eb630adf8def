import type { JSX } from "preact";
import { pieces, type Piece, type Style } from "../lib/ansi";
import { collapsed } from "../lib/carriage";
import { moment, timeOfDay } from "../lib/format";
import type { LogLine } from "./log-model";

const LONGEST = 5000; // characters of a line that are drawn
const MARKS = { stdout: "", stderr: "!", status: "›" } as const;
const NAMES = { stdout: undefined, stderr: "stderr", status: "localhai" } as const;

interface Props {
  line: LogLine | undefined;
  n: number;
  times: boolean;
  marked: boolean;
  current: boolean;
  find: RegExp | null;
  onNumber?: (n: number, shift: boolean) => void;
}

/** One line: its number, which stream it is of, perhaps its time, and its text with colours and matches. */
export function Line({ line, n, times, marked, current, find, onNumber }: Props) {
  const kind = line?.stream ?? "stdout";
  return (
    <div class={`log-line log-${kind}${marked ? " is-marked" : ""}${current ? " is-current" : ""}`} data-line={n}>
      <a
        class="log-number"
        href={`#L${n}`}
        tabIndex={-1}
        onClick={(event) => {
          event.preventDefault();
          onNumber?.(n, event.shiftKey);
        }}
      >
        {n}
      </a>
      <span class="log-kind" title={NAMES[kind]} aria-label={NAMES[kind]}>
        {MARKS[kind]}
      </span>
      {times && (
        <span class="log-time" title={moment(line?.at)}>
          {line?.at ? timeOfDay(line.at) : ""}
        </span>
      )}
      <span class="log-text">{line ? <Text text={line.text} find={find} /> : <span class="faint">…</span>}</span>
    </div>
  );
}

function Text({ text, find }: { text: string; find: RegExp | null }) {
  const shown = collapsed(text);
  const more = shown.length - LONGEST;
  const parts = pieces(more > 0 ? shown.slice(0, LONGEST) : shown);
  const [only] = parts;
  return (
    <>
      {parts.length === 1 && only && Object.keys(only.style).length === 0 ? matches(only.text, find) : parts.map((piece, index) => <Coloured key={index} piece={piece} find={find} />)}
      {more > 0 && <span class="soft"> … {more} more characters: download the log</span>}
    </>
  );
}

function Coloured({ piece, find }: { piece: Piece; find: RegExp | null }) {
  const { style } = piece;
  const classes = (["bold", "dim", "italic", "underline", "strike", "inverse"] as const).filter((name) => style[name]).map((name) => `ansi-${name}`);
  for (const [kind, colour] of colours(style)) if (typeof colour === "number") classes.push(`ansi-${kind}-${colour}`);
  const own: { color?: string; backgroundColor?: string } = {};
  if (typeof style.ink === "string") own.color = style.ink;
  if (typeof style.ground === "string") own.backgroundColor = style.ground;
  return (
    <span class={classes.join(" ")} style={own}>
      {matches(piece.text, find)}
    </span>
  );
}

function colours(style: Style): ["ink" | "ground", number | string | undefined][] {
  return [
    ["ink", style.ink],
    ["ground", style.ground],
  ];
}

function matches(text: string, find: RegExp | null): JSX.Element | string {
  if (!find) return text;
  const parts: (JSX.Element | string)[] = [];
  let from = 0;
  for (const match of text.matchAll(find)) {
    if (match[0] === "") continue;
    parts.push(text.slice(from, match.index), <mark key={match.index}>{match[0]}</mark>);
    from = match.index + match[0].length;
    if (parts.length > 200) break;
  }
  return parts.length === 0 ? text : <>{[...parts, text.slice(from)]}</>;
}
