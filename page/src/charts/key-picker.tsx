import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import { Popover } from "../parts/menu";

const LISTED = 200; // keys at once; the search finds the others

interface Props {
  keys: readonly string[];
  chosen: readonly string[];
  onChoose: (keys: readonly string[]) => void;
}

/** Which keys have a chart. */
export function KeyPicker({ keys, chosen, onChoose }: Props) {
  const [wanted, setWanted] = useState("");
  const found = keys.filter((key) => key.toLowerCase().includes(wanted.toLowerCase()));
  const turn = (key: string) => onChoose(chosen.includes(key) ? chosen.filter((each) => each !== key) : [...chosen, key]);
  return (
    <Popover label={`${plural(chosen.length, "chart")} of ${plural(keys.length, "key")}`} left wide>
      {() => (
        <>
          <input class="field" type="search" aria-label="Find a key" placeholder="Find a key" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
          <ul class="columns-lists" aria-label="Keys">
            {found.slice(0, LISTED).map((key) => (
              <li key={key} class="columns-item">
                <label class="cut">
                  <input type="checkbox" checked={chosen.includes(key)} onChange={() => turn(key)} /> <span class="cut">{key}</span>
                </label>
              </li>
            ))}
          </ul>
          {found.length > LISTED && <p class="soft">{plural(found.length - LISTED, "more key")}: type a part of its name</p>}
        </>
      )}
    </Popover>
  );
}
