import { useEffect, useState } from "preact/hooks";
import { Trouble } from "../parts/trouble";
import { useText } from "./bytes";
import { clean } from "./clean";
import type { Output } from "./output";
import { Cut } from "./text-preview";

const MOST = 20_000_000; // bytes

/** HTML in a frame that has neither scripts nor anything of this page: no origin, no storage, no token. */
export function HtmlPreview({ output }: { output: Output }) {
  const { text, failure, cut } = useText(output, MOST);
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (text === null) return;
    const body = document.createElement("body");
    body.append(clean(text));
    const made = URL.createObjectURL(new Blob(["<!doctype html>", new XMLSerializer().serializeToString(body)], { type: "text/html" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  if (failure) return <Trouble failure={failure} />;
  if (!url) return null;
  return (
    <>
      {cut && <Cut output={output} />}
      <p class="soft">Without its scripts, styles and remote images, which do not run here: download it to see it whole.</p>
      <iframe class="preview-frame" sandbox="" src={url} title={output.name} />
    </>
  );
}
