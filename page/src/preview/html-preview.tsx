import { size } from "../lib/format";
import { Trouble } from "../parts/trouble";
import { useBlob } from "./bytes";
import type { Output } from "./output";

const MOST = 20_000_000;

/** HTML in a frame that has neither scripts nor anything of this page: no origin, no storage, no token. */
export function HtmlPreview({ output }: { output: Output }) {
  if (output.size > MOST) return <p class="soft">HTML of {size(output.size)} is too large to be shown: download it.</p>;
  return <Frame output={output} />;
}

function Frame({ output }: { output: Output }) {
  const { url, failure } = useBlob(output, "text/html");
  if (failure) return <Trouble failure={failure} />;
  if (!url) return null;
  return (
    <>
      <p class="soft">Without its scripts and styles, which do not run here: download it to see it whole.</p>
      <iframe class="preview-frame" sandbox="" src={url} title={output.name} />
    </>
  );
}
