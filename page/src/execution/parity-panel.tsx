import type { Details } from "./details";

/** What of valohai.yaml is otherwise here than on the platform; what is the same is folded. */
export function ParityPanel({ details }: { details: Details }) {
  const other = details.parity.filter((each) => each.level !== "emulated");
  const same = details.parity.filter((each) => each.level === "emulated");
  if (details.parity.length === 0) return null;
  return (
    <section class="parity" aria-label="Otherwise than on the platform">
      {other.map((each) => (
        <p key={each.key + each.text} class="warning">
          <strong>{each.key}</strong> {each.level}: {each.text}
        </p>
      ))}
      {same.length > 0 && (
        <details>
          <summary class="soft">
            {same.length} {other.length > 0 ? "more keys" : "keys"} of valohai.yaml are as on the platform
          </summary>
          <p class="soft">{same.map((each) => each.key).join(", ")}</p>
        </details>
      )}
    </section>
  );
}
