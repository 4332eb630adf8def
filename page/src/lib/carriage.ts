/**
 * What a terminal shows in the end of a line that was written over with carriage returns, as progress bars do: later
 * text replaces as much of the earlier as it is long.
 */
export function collapsed(line: string): string {
  if (!line.includes("\r")) return line;
  const states = line.split("\r").filter((state) => state !== "");
  if (states.some((state) => state.includes("\x1b"))) return states.at(-1) ?? ""; // lengths of coloured text tell nothing
  return states.reduce((shown, state) => state + shown.slice(state.length), "");
}
