import type { ComponentChildren } from "preact";
import { duration, moment, NOTHING, shortCommit } from "../lib/format";
import { taskPath } from "../lib/route";
import type { Details } from "./details";
import { Fact, Panel } from "./panel";

/** The surroundings it ran in: image, command, code, variables, times. */
export function RanAsPanel({ details }: { details: Details }) {
  const variables = Object.entries(details.environment_variables);
  const [command, before] = [text(details.command), text(details.command_before)];
  return (
    <Panel title="Ran as">
      <dl class="facts">
        <Fact name="Image" title={details.digest ?? undefined}>
          <span class="mono">{details.image}</span>
          {details.digest && <span class="mono soft"> {details.digest.slice(0, 19)}…</span>}
        </Fact>
        <Fact name="Command">
          <code class="block">{command || NOTHING}</code>
          {before && before !== command && (
            <details>
              <summary>Before parameters and inputs were filled in</summary>
              <code class="block soft">{before}</code>
            </details>
          )}
        </Fact>
        <Fact name="Commit" title={details.commit ?? undefined}>
          <span class="mono">{shortCommit(details.commit)}</span>
          {details.dirty && <span class="soft"> with uncommitted changes</span>}
        </Fact>
        {details.environment && <Fact name="Environment">{details.environment}</Fact>}
        {variables.length > 0 && (
          <Fact name="Variables">
            {variables.map(([name, given]) => (
              <div key={name} class="mono file">
                {name}={given ?? "••••"}
                {given === null && <span class="soft"> secret</span>}
              </div>
            ))}
          </Fact>
        )}
        {details.creator && <Fact name="Creator">{details.creator}</Fact>}
        {origin(details)}
        <Fact name="Timeline">
          <Timeline details={details} />
        </Fact>
        <Reuse details={details} />
      </dl>
    </Panel>
  );
}

function origin({ task, pipeline, project_id: project }: Details): ComponentChildren {
  return (
    <>
      {task && (
        <Fact name="Task">
          <a href={taskPath(project, String(task.counter))}>
            #{task.counter} {task.name}
          </a>
        </Fact>
      )}
      {pipeline && (
        <Fact name="Pipeline">
          #{pipeline.counter} {pipeline.name}
          {pipeline.node && <span class="soft"> node {pipeline.node}</span>}
        </Fact>
      )}
    </>
  );
}

/** How long it was in each status; the moments when pointed at. */
function Timeline({ details }: { details: Details }) {
  const { statuses } = details;
  return (
    <ol class="timeline">
      {statuses.map((each, index) => {
        const next = statuses[index + 1];
        const seconds = next ? (Date.parse(next.at) - Date.parse(each.at)) / 1000 : null;
        return (
          <li key={each.at + each.status} title={`${moment(each.at)}${each.by ? `, by ${each.by}` : ""}`}>
            {each.status} {seconds !== null && <span class="soft">{duration(seconds)}</span>}
          </li>
        );
      })}
    </ol>
  );
}

function Reuse({ details }: { details: Details }) {
  const { reuse } = details;
  if (!reuse) return null;
  const reasons = (reuse.reasons ?? []).map((reason) => (typeof reason === "string" ? reason : JSON.stringify(reason)));
  return (
    <Fact name="Reuse">
      {reuse.hit ? "an earlier execution was taken over" : "nothing earlier equals it"}
      {reasons.map((reason) => (
        <div key={reason} class="soft">
          {reason}
        </div>
      ))}
    </Fact>
  );
}

function text(command: string | string[] | null): string {
  return command === null ? "" : Array.isArray(command) ? command.join("\n") : command;
}
