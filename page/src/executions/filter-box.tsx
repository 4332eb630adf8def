import { useEffect, useId, useRef, useState } from "preact/hooks";
import { completed } from "../lib/complete";
import { parsed, type Term } from "../lib/filter";
import { TableKeys } from "../lib/match";
import type { Table } from "../lib/table";
import { useKeys } from "../shell/keys";

interface Props {
  text: string;
  table: Table;
  /** Beside the field: how many are shown. */
  count: string;
  onChange: (text: string) => void;
}

/** The field of the filter: words marked as they are understood, completed as they are typed. */
export function FilterBox({ text, table, count, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(-1);
  const list = useId();
  useKeys({ "/": () => input.current?.focus() });
  const terms = parsed(text, new TableKeys(table));
  const problem = terms.find((term) => term.problem && !(caret !== null && caret >= term.from && caret <= term.to))?.problem;
  const completion = caret === null ? null : completed(text, caret, table);
  const choices = completion?.choices ?? [];
  useEffect(() => {
    if (mirror.current && input.current) mirror.current.scrollLeft = input.current.scrollLeft;
  });
  const track = () => {
    setCaret(input.current?.selectionStart ?? null);
    if (mirror.current && input.current) mirror.current.scrollLeft = input.current.scrollLeft;
  };
  const take = (index: number) => {
    const choice = choices[index];
    if (!completion || !choice) return;
    const end = /[:=<>]$/.test(choice.text) ? "" : " ";
    const before = text.slice(0, completion.from) + choice.text + end;
    onChange(before + text.slice(completion.to).replace(/^ /, end ? "" : " "));
    setChosen(-1);
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(before.length, before.length);
      track();
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (choices.length === 0) return;
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((chosen + step + choices.length + (chosen < 0 && step < 0 ? 1 : 0)) % choices.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Escape" || event.key === "Enter") {
      if (caret !== null && choices.length > 0 && event.key === "Escape") setCaret(null);
      else input.current?.blur();
    }
  };
  return (
    <div class="filter">
      <div class="filter-field">
        <div class="filter-mirror" aria-hidden="true" ref={mirror}>
          <Marked text={text} terms={terms} caret={caret} />
        </div>
        <input
          ref={input}
          class="filter-input"
          role="combobox"
          aria-label="Filter executions"
          aria-expanded={choices.length > 0}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? `${list}-${chosen}` : undefined}
          aria-invalid={problem ? true : undefined}
          spellcheck={false}
          autocomplete="off"
          placeholder="Filter: step, status, tag, any parameter or metric"
          value={text}
          onInput={(event) => {
            setChosen(-1);
            onChange(event.currentTarget.value);
            track();
          }}
          onKeyUp={track}
          onClick={track}
          onScroll={track}
          onFocus={track}
          onBlur={() => setCaret(null)}
          onKeyDown={onKeyDown}
        />
        <ul id={list} class="completions" role="listbox" aria-label="What could be meant" hidden={choices.length === 0}>
          {choices.map((choice, index) => (
            <li
              key={choice.text}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onPointerDown={(event) => {
                event.preventDefault();
                take(index);
              }}
            >
              <span>{choice.text}</span>
              <span class="soft">{choice.note}</span>
            </li>
          ))}
        </ul>
      </div>
      {text && (
        <button type="button" class="plain" aria-label="Empty the filter" onClick={() => onChange("")}>
          ✕
        </button>
      )}
      <span class="filter-count" aria-live="polite">
        {problem ? <span class="bad">{problem}</span> : count}
      </span>
    </div>
  );
}

function Marked({ text, terms, caret }: { text: string; terms: readonly Term[]; caret: number | null }) {
  let from = 0;
  const parts = terms.flatMap((term) => {
    const before = text.slice(from, term.from);
    from = term.to;
    const typing = caret !== null && caret >= term.from && caret <= term.to;
    const kind = term.problem && !typing ? "wrong" : term.key === null ? "word" : "term";
    return [before, <mark key={term.from} class={`filter-${kind}`}>{text.slice(term.from, term.to)}</mark>];
  });
  return <>{[...parts, text.slice(from)]}</>;
}
