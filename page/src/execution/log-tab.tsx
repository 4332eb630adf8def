import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { grouped, plural } from "../lib/format";
import { fragmentOf, linesOf } from "../lib/lines";
import { asFailure, get } from "../net/api";
import { note } from "../parts/notes";
import { Trouble } from "../parts/trouble";
import { OPEN } from "../parts/status";
import { useKeys } from "../shell/keys";
import { fragment, query, setFragment, setQuery } from "../shell/router";
import type { Details } from "./details";
import { LogModel } from "./log-model";
import { LogRows, type LogView } from "./log-rows";
import { LogSearch } from "./log-search";
import { LogWrapped } from "./log-wrapped";
import { SearchBox } from "./search-box";

/** The whole log of an execution. */
export function LogTab({ details }: { details: Details }) {
  const model = useMemo(() => new LogModel(details.id), [details.id]);
  const search = useMemo(() => new LogSearch(details.id), [details.id]);
  const view = useRef<LogView | null>(null);
  const top = useRef(1);
  const begun = useRef(false);
  useEffect(() => model.use(), [model]);
  const marked = linesOf(fragment.value);
  const follow = useSignal(!marked && details.status !== "complete");
  const times = query.value.get("times") === "1";
  const wrap = query.value.get("wrap") === "1";
  const show = (n: number | null) => {
    if (n === null) return;
    follow.value = false;
    view.current?.show(n);
  };
  useKeys({
    n: () => void search.step(1).then(show),
    N: () => void search.step(-1).then(show),
    G: () => (follow.value = true),
    "g g": () => show(1),
  });
  const onNumber = (n: number, shift: boolean) => {
    const before = linesOf(fragment.value);
    setFragment(fragmentOf(shift && before ? { from: Math.min(before.from, n), to: Math.max(before.to, n) } : { from: n, to: n }));
  };
  const total = model.total.value;
  const shared = { model, times, marked, find: search.pattern(), current: search.matches.value[search.at.value] ?? null, onNumber, follow, view, top, begun };
  return (
    <>
      <div class="log-tools">
        <SearchBox search={search} from={() => top.current} onFound={show} />
        <span class="soft log-total">
          {plural(total, "line")}
          {OPEN.has(details.status) && !model.complete.value && " · live"}
        </span>
        <span class="grow" />
        <Toggle label="Follow" on={follow.value} turn={() => (follow.value = !follow.value)} />
        <Toggle label="Times" on={times} turn={() => setQuery({ times: times ? null : "1" })} />
        <Toggle label="Wrap" on={wrap} turn={() => setQuery({ wrap: wrap ? null : "1" })} />
        <button type="button" class="button small" onClick={() => void download(details.id)}>
          Download
        </button>
      </div>
      {model.failure.value && <Trouble failure={model.failure.value} />}
      {model.loaded.value && total === 0 && !model.failure.value && <div class="log-box log-none">{model.complete.value ? "It wrote nothing." : "Nothing written yet; lines appear here as they come."}</div>}
      {total > 0 && (wrap ? <LogWrapped {...shared} /> : <LogRows {...shared} />)}
      {total > 0 && (
        <p class="soft log-legend">
          <b>!</b> stderr · <b>›</b> localhai · a click on a number marks the line, with Shift all up to it
          {marked && ` · line ${grouped(marked.from)}${marked.to > marked.from ? ` to ${grouped(marked.to)}` : ""} marked`}
        </p>
      )}
    </>
  );
}

function Toggle({ label, on, turn }: { label: string; on: boolean; turn: () => void }) {
  return (
    <button type="button" class="button small" aria-pressed={on} onClick={turn}>
      {label}
    </button>
  );
}

async function download(id: string): Promise<void> {
  try {
    const { url } = await get<{ url: string }>(`/page/log/${id}/link/`);
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = "";
    anchor.click();
  } catch (error) {
    note(asFailure(error).message, "bad");
  }
}
