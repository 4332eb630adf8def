import { useEffect, useRef, useState } from "preact/hooks";
import { grouped } from "../lib/format";
import { useKeys } from "../shell/keys";
import type { LogSearch } from "./log-search";

interface Props {
  search: LogSearch;
  /** The line from which on a first match is wanted. */
  from: () => number;
  onFound: (n: number | null) => void;
}

const PAUSE = 250; // after the last key, in milliseconds

/** Search in a log: as one types, then n and N. */
export function SearchBox({ search, from, onFound }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [regex, setRegex] = useState(false);
  useKeys({ "/": () => input.current?.select() });
  useEffect(() => {
    const timer = setTimeout(() => void search.find(text, regex, from()).then(onFound), text ? PAUSE : 0);
    return () => clearTimeout(timer);
  }, [text, regex]);
  const step = (by: 1 | -1) => void search.step(by).then(onFound);
  const [count, at] = [search.count.value, search.at.value];
  return (
    <div class="log-search">
      <input
        ref={input}
        class="field small"
        type="search"
        aria-label="Search in the log"
        placeholder="Search"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
          if (event.key === "Escape") input.current?.blur();
        }}
      />
      <button type="button" class="button small" aria-pressed={regex} title="Regular expression" onClick={() => setRegex(!regex)}>
        .*
      </button>
      {text && (
        <>
          <span class={search.problem.value ? "bad" : "soft"} role="status">
            {search.problem.value ?? (count > 0 ? `${grouped(at + 1)} of ${grouped(count)}` : "no match")}
          </span>
          <button type="button" class="plain" aria-label="Match before" disabled={count === 0} onClick={() => step(-1)}>
            ↑
          </button>
          <button type="button" class="plain" aria-label="Next match" disabled={count === 0} onClick={() => step(1)}>
            ↓
          </button>
        </>
      )}
    </div>
  );
}
