import type { ComponentType } from "preact";
import { lazy } from "../parts/lazy";
import { CsvPreview } from "./csv-preview";
import { ImagePreview } from "./image-preview";
import { JsonPreview } from "./json-preview";
import type { Output } from "./output";
import { TextPreview } from "./text-preview";

const MarkdownPreview = lazy(async () => (await import("./markdown-preview")).MarkdownPreview);
const HtmlPreview = lazy(async () => (await import("./html-preview")).HtmlPreview);

const KINDS: Record<Output["kind"], ComponentType<{ output: Output }> | null> = {
  image: ImagePreview,
  csv: CsvPreview,
  json: JsonPreview,
  markdown: MarkdownPreview,
  text: TextPreview,
  html: HtmlPreview,
  other: null,
};

/** A look into an output. What it holds was written by anybody: it is shown as data and cannot act. */
export function Preview({ output }: { output: Output }) {
  const Kind = KINDS[output.kind];
  if (!Kind) return <p class="soft">There is no preview of this kind of file.</p>;
  if (output.size === 0) return <p class="soft">The file is empty.</p>;
  return <Kind output={output} />;
}
