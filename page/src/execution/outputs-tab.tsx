import { useEffect, useState } from "preact/hooks";
import { size } from "../lib/format";
import { asFailure, get, type Failure } from "../net/api";
import { copy } from "../parts/copy";
import { lazy } from "../parts/lazy";
import { note } from "../parts/notes";
import { Tags } from "../parts/tags";
import { Trouble } from "../parts/trouble";
import { query, setQuery } from "../shell/router";
import type { Details } from "./details";
import type { Output } from "../preview/output";

const Preview = lazy(async () => (await import("../preview/preview")).Preview);

/** What an execution left behind, and a look into it. */
export function OutputsTab({ details }: { details: Details }) {
  const [outputs, setOutputs] = useState<Output[] | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const load = () => {
    get<Output[]>(`/page/executions/${details.id}/outputs/`).then(setOutputs, (error) => setFailure(asFailure(error)));
  };
  useEffect(load, [details.id, details.outputs_count, details.finished]);
  if (failure && !outputs) return <Trouble failure={failure} again={load} />;
  if (!outputs) return null;
  if (outputs.length === 0) {
    return (
      <div class="empty">
        <h2>{details.finished ? "It left no outputs" : "No outputs yet"}</h2>
        <p>
          What a step writes into <code>/valohai/outputs</code> appears here when it ends.
        </p>
      </div>
    );
  }
  const chosen = outputs.find((output) => output.id === query.value.get("file")) ?? outputs[0];
  return (
    <div class="outputs">
      <ul class="panel output-list" aria-label="Outputs">
        {outputs.map((output) => (
          <li key={output.id}>
            <button type="button" class="output-item" aria-current={output === chosen ? "true" : undefined} onClick={() => setQuery({ file: output.id })}>
              <span class="mono cut" title={output.name}>
                {output.name}
              </span>
              <span class="soft">{output.purged ? "purged" : size(output.size)}</span>
              {(output.aliases.length > 0 || output.tags.length > 0) && (
                <span class="output-names">
                  <Tags tags={[...output.aliases, ...output.tags]} />
                </span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {chosen && <Chosen key={chosen.id} output={chosen} />}
    </div>
  );
}

function Chosen({ output }: { output: Output }) {
  const checksum = output.sha256 ?? output.sha1 ?? output.md5;
  return (
    <section class="panel output-view" aria-label={output.name}>
      <div class="section-head">
        <h2 class="mono cut">{output.name}</h2>
        <span class="grow" />
        {output.path && (
          <button type="button" class="button small" onClick={() => void copy(output.path ?? "", "the path")}>
            Copy path
          </button>
        )}
        <button type="button" class="button small" onClick={() => void copy(`datum://${output.id}`, "the address")}>
          Copy datum://
        </button>
        {!output.purged && (
          <button type="button" class="button small" onClick={() => void download(output)}>
            Download
          </button>
        )}
      </div>
      <p class="soft mono output-about" title={checksum ?? undefined}>
        {[size(output.size), checksum ? `${checksum.slice(0, 16)}…` : null, output.path].filter(Boolean).join(" · ")}
      </p>
      {output.purged ? <p>The bytes of this output were purged; its record and checksum are kept.</p> : <Preview output={output} />}
    </section>
  );
}

async function download(output: Output): Promise<void> {
  try {
    const { url } = await get<{ url: string }>(`/page/outputs/${output.id}/link/`);
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = output.name.split("/").at(-1) ?? "output";
    anchor.click();
  } catch (error) {
    note(asFailure(error).message, "bad");
  }
}
