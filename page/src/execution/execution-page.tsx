import { useEffect, useMemo } from "preact/hooks";
import { grouped } from "../lib/format";
import { executionPath, executionsPath, type Tab } from "../lib/route";
import { lazy } from "../parts/lazy";
import { Trouble } from "../parts/trouble";
import { useKeys } from "../shell/keys";
import { go } from "../shell/router";
import { useTitle } from "../shell/title";
import { DetailsModel } from "./details-model";
import type { Details } from "./details";
import { DetailsTab } from "./details-tab";
import { ExecutionHead } from "./execution-head";

const LogTab = lazy(async () => (await import("./log-tab")).LogTab);
const MetadataTab = lazy(async () => (await import("../metadata/metadata-tab")).MetadataTab);
const OutputsTab = lazy(async () => (await import("./outputs-tab")).OutputsTab);

/** One execution: what it is, what it wrote, what came of it. */
export function ExecutionPage({ project, reference, tab }: { project: string; reference: string; tab: Tab }) {
  const model = useMemo(() => new DetailsModel(project, reference), [project, reference]);
  useEffect(() => model.use(), [model]);
  const details = model.details.value;
  const to = (next: Tab) => () => go(executionPath(project, reference, next));
  useKeys({ u: () => go(executionsPath(project)), "g d": to("details"), "g l": to("log"), "g m": to("metadata"), "g o": to("outputs") });
  useTitle(details ? `#${details.counter} ${details.step}` : `#${reference}`);
  useEffect(() => {
    if (details && details.project_id !== project && details.project !== project) go(executionPath(details.project_id, reference, tab), true);
  }, [details?.project_id]);
  const failure = model.failure.value;
  if (failure && (!details || failure.status === 404)) {
    return (
      <section class="page">
        <Trouble failure={failure} again={() => void model.load()} />
        <p>
          <a href={executionsPath(project)}>All executions</a>
        </p>
      </section>
    );
  }
  if (!details) return null;
  return (
    <section class={tab === "log" ? "page page-fill" : "page"}>
      <ExecutionHead details={details} />
      <Tabs details={details} project={project} reference={reference} tab={tab} />
      {tab === "details" && <DetailsTab details={details} project={project} reference={reference} />}
      {tab === "log" && <LogTab key={details.id} details={details} />}
      {tab === "metadata" && <MetadataTab key={details.id} details={details} />}
      {tab === "outputs" && <OutputsTab key={details.id} details={details} />}
    </section>
  );
}

function Tabs({ details, project, reference, tab }: { details: Details; project: string; reference: string; tab: Tab }) {
  const tabs: [Tab, string, number | null][] = [
    ["details", "Details", null],
    ["log", "Log", details.log.lines],
    ["metadata", "Metadata", details.metadata_count],
    ["outputs", "Outputs", details.outputs_count],
  ];
  return (
    <nav class="tabs" aria-label="Of this execution">
      {tabs.map(([name, title, count]) => (
        <a key={name} href={executionPath(project, reference, name)} aria-current={name === tab ? "page" : undefined}>
          {title} {count !== null && <span class="count">{grouped(count)}</span>}
        </a>
      ))}
    </nav>
  );
}
