import { plural } from "../lib/format";
import { rowsOf } from "../lib/csv";
import { Trouble } from "../parts/trouble";
import { useText } from "./bytes";
import type { Output } from "./output";

const ROWS = 100;
const COLUMNS = 20;
const ENOUGH = 200_000; // bytes, for so many rows

/** The first rows of a table. */
export function CsvPreview({ output }: { output: Output }) {
  const { text, failure, cut } = useText(output, ENOUGH);
  if (failure) return <Trouble failure={failure} />;
  if (text === null) return null;
  const separator = output.name.endsWith(".tsv") ? "\t" : ",";
  const all = rowsOf(text, separator, ROWS + 2);
  const [head = [], ...rows] = all.slice(0, ROWS + 1);
  const more = cut || all.length > ROWS + 1;
  const right = head.map((_name, column) => rows.every((row) => !row[column] || !Number.isNaN(Number(row[column]))));
  return (
    <>
      <p class="soft">
        {more ? `the first ${plural(rows.length, "row")}` : plural(rows.length, "row")}, {head.length > COLUMNS ? `${COLUMNS} of ` : ""}
        {plural(head.length, "column")}
      </p>
      <div class="preview-table" tabIndex={0}>
        <table class="simple">
          <thead>
            <tr>
              {head.slice(0, COLUMNS).map((name, column) => (
                <th key={column} scope="col" class={right[column] ? "right" : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>
                {row.slice(0, COLUMNS).map((cell, column) => (
                  <td key={column} class={right[column] ? "right" : undefined}>
                    {cell.slice(0, 200)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
