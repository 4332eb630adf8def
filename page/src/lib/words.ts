/** Several words as one of the query: parted by commas, of which those within a word are escaped. */

export function oneWord(words: readonly string[]): string {
  return words.map((word) => word.replace(/[%,]/g, (char) => (char === "%" ? "%25" : "%2C"))).join(",");
}

export function words(text: string | null): string[] {
  if (!text) return [];
  return text.split(",").filter(Boolean).map((word) => word.replace(/%2C/g, ",").replace(/%25/g, "%"));
}
