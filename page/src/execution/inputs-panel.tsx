import { size } from "../lib/format";
import type { Details, InputFile } from "./details";
import { Fact, Panel } from "./panel";

const MOST = 20; // files of an input, before the rest is folded

/** Inputs and the files that filled them. */
export function InputsPanel({ details }: { details: Details }) {
  if (details.inputs.length === 0) return null;
  return (
    <Panel title="Inputs">
      <dl class="facts">
        {details.inputs.map((input) => (
          <Fact key={input.name} name={input.name}>
            {input.files.length === 0 && <span class="soft">no files</span>}
            {input.files.slice(0, MOST).map((file) => (
              <File key={file.name + file.uri} file={file} />
            ))}
            {input.files.length > MOST && (
              <details>
                <summary>{input.files.length - MOST} more files</summary>
                {input.files.slice(MOST).map((file) => (
                  <File key={file.name + file.uri} file={file} />
                ))}
              </details>
            )}
          </Fact>
        ))}
      </dl>
    </Panel>
  );
}

function File({ file }: { file: InputFile }) {
  const checksum = file.sha256 ?? file.sha1 ?? file.md5;
  return (
    <div class="mono file" title={checksum ?? undefined}>
      {file.name}
      <span class="soft">
        {" "}
        {[file.size === null ? null : size(file.size), file.uri, file.stand_in ? "a stand-in of localhai.toml" : null, checksum ? `${checksum.slice(0, 10)}…` : null]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </div>
  );
}
