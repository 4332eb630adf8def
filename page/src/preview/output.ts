/** One output as the server lists it (page.md 4.5). */
export interface Output {
  id: string;
  name: string;
  size: number;
  kind: "image" | "csv" | "json" | "markdown" | "text" | "html" | "other";
  path: string | null;
  md5: string | null;
  sha1: string | null;
  sha256: string | null;
  tags: string[];
  aliases: string[];
  ctime: string | null;
  purged: boolean;
}
