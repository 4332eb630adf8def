import { sentence } from "../parts/trouble";
import type { Details } from "./details";
import { LogLines } from "./log-lines";

/** Why it failed: the words, the exit code, what to do, the last lines. First, because it is what one comes for. */
export function ErrorPanel({ details }: { details: Details }) {
  const { error, exit_code: code, status } = details;
  if (status !== "error" && status !== "crashed") return null;
  const said = typeof error === "string" ? error : error?.message;
  const message = said ?? details.status_detail ?? `it ended as ${status}`;
  const own = typeof error === "object" ? (error?.hints ?? []) : [];
  const hints = [...new Set([...own, ...details.hints])];
  return (
    <section class="panel panel-bad" aria-label="Why it failed">
      <h2>
        {sentence(message)}
        {code !== null && !message.includes("exit code") && <span class="soft"> exit code {code}</span>}
      </h2>
      {hints.map((hint) => (
        <p key={hint}>{sentence(hint)}</p>
      ))}
      {details.last_lines.length > 0 && (
        <div class="log-box">
          <LogLines lines={details.last_lines} />
        </div>
      )}
    </section>
  );
}
