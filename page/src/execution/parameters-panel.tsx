import { value } from "../lib/format";
import type { Details } from "./details";
import { Fact, Panel } from "./panel";

/** Parameters; what was changed from its default is coloured and says the default. */
export function ParametersPanel({ details }: { details: Details }) {
  const names = Object.keys(details.parameters);
  const defaults = details.parameter_defaults;
  if (names.length === 0) return null;
  return (
    <Panel title="Parameters">
      <dl class="facts">
        {names.map((name) => {
          const given = details.parameters[name];
          const known = defaults !== null && name in defaults;
          const changed = known && JSON.stringify(defaults[name]) !== JSON.stringify(given);
          return (
            <Fact key={name} name={name} title={value(given)}>
              <span class={changed ? "mono changed" : "mono"}>{value(given)}</span>
              {changed && <span class="mono soft"> default {value(defaults[name])}</span>}
            </Fact>
          );
        })}
      </dl>
    </Panel>
  );
}
