import { useState } from "preact/hooks";
import { duration } from "../lib/format";
import { executionsPath } from "../lib/route";
import { asFailure, post } from "../net/api";
import { Running } from "../parts/clock";
import { copy } from "../parts/copy";
import { Menu, type Choice } from "../parts/menu";
import { note } from "../parts/notes";
import { Mark, OPEN } from "../parts/status";
import type { Details } from "./details";
import { RerunDialog } from "./rerun-dialog";
import { TagEditor } from "./tag-editor";

/** Name, state and what can be done. */
export function ExecutionHead({ details }: { details: Details }) {
  const [rerun, setRerun] = useState(false);
  return (
    <header class="page-head">
      <a class="crumb" href={executionsPath(details.project_id)}>
        {details.project} / executions /
      </a>
      <h1>
        #{details.counter} {details.step}
      </h1>
      <State details={details} />
      <TagEditor details={details} />
      <span class="grow" />
      {OPEN.has(details.status) && <Stop details={details} />}
      <Menu label="Copy" choices={choices(details)} />
      <button type="button" class="button main" onClick={() => setRerun(true)}>
        Run again…
      </button>
      {rerun && <RerunDialog details={details} onClose={() => setRerun(false)} />}
      {details.title && <p class="page-sub">{details.title}</p>}
    </header>
  );
}

function State({ details }: { details: Details }) {
  const { status, exit_code: code, started, finished } = details;
  return (
    <span class={`state state-${status}`} role="status">
      <Mark status={status} />
      {status}
      {code !== null && ` · exit code ${code}`}
      {started && (finished ? ` · ${duration(details.duration)}` : <> · <Running since={started} /></>)}
    </span>
  );
}

function Stop({ details }: { details: Details }) {
  const [asked, setAsked] = useState(false);
  const stop = async () => {
    setAsked(true);
    try {
      await post(`/page/executions/${details.id}/stop/`);
    } catch (error) {
      setAsked(false);
      note(asFailure(error).message, "bad");
    }
  };
  const stopping = asked || details.status === "stopping";
  return (
    <button type="button" class="button" disabled={stopping} onClick={() => void stop()}>
      {stopping ? "Stopping…" : "Stop"}
    </button>
  );
}

function choices(details: Details): Choice[] {
  const { commands } = details;
  const named: [string, string | null | undefined][] = [
    ["Command to run it again", commands.rerun],
    ["localhai run", commands.localhai],
    ["vh execution run", commands.vh],
    ["Shell in its container", commands.shell],
  ];
  const found = named.flatMap(([label, text]) => (text ? [{ label, hint: text, act: () => void copy(text, "the command") }] : []));
  return [
    ...found,
    { label: "JSON", act: () => void copy(JSON.stringify(details, null, 2), "the details as JSON") },
    { label: "Link", act: () => void copy(location.href, "the link") },
    { label: "Id", hint: details.id, act: () => void copy(details.id, "the id") },
  ];
}
