import { Command } from "../parts/copy";
import { path } from "./router";
import { useTitle } from "./title";

/** An address that leads to nothing. */
export function Nowhere() {
  useTitle("Not found");
  return (
    <section class="empty">
      <h1>There is no such page</h1>
      <p>
        Nothing of localhai is at <code>{path.value}</code>. <a href="/">All projects</a>
      </p>
    </section>
  );
}

/** What this page does not show yet, and where it can be seen. */
export function Later({ what, command }: { what: string; command: string }) {
  useTitle(what);
  return (
    <section class="empty">
      <h1>{what}: not on this page yet</h1>
      <p>In a terminal, in the folder of the project:</p>
      <Command text={command} />
    </section>
  );
}
