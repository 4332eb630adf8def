import { Command } from "../parts/copy";

/** What to type for a first execution. */
export function NoExecutions({ name }: { name: string }) {
  return (
    <div class="empty">
      <h2>No execution of {name} yet</h2>
      <p>Three commands make the first, in the project's folder. It appears here while it runs.</p>
      <Command text="localhai lint" />
      <Command text="localhai run STEP --dry-run" />
      <Command text="localhai run STEP" />
    </div>
  );
}
