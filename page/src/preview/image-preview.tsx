import { useState } from "preact/hooks";
import { size } from "../lib/format";
import { Trouble } from "../parts/trouble";
import { useBlob } from "./bytes";
import type { Output } from "./output";

const MOST = 50_000_000; // bytes; more would fill the tab's memory

/** An image, in an img: what a picture carries cannot run there. */
export function ImagePreview({ output }: { output: Output }) {
  if (output.size > MOST) return <p class="soft">An image of {size(output.size)} is too large to be shown: download it.</p>;
  return <Image output={output} />;
}

function Image({ output }: { output: Output }) {
  const { url, failure } = useBlob(output);
  const [broken, setBroken] = useState(false);
  if (failure) return <Trouble failure={failure} />;
  if (!url) return null;
  if (broken) return <p class="soft">This browser cannot show the image: it is broken, or of a kind that it does not know.</p>;
  return <img class="preview-image" src={url} alt={output.name} onError={() => setBroken(true)} />;
}
