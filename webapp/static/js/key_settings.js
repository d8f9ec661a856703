// Chooses the keys of shortcuts: a button is pressed, then the keys.
//
//   <form data-chooses-keys data-taken="mod c,mod v">
//     <li><input type="hidden" name="search" value="mod k"> <button> [data-part=keys] [data-part=none] [data-part=ask] </button>
//         <div class="field-errors"></div></li>

import { gettext } from "./i18n.js";
import { names, pressed } from "./keys.js";

const form = document.querySelector("[data-chooses-keys]");
const rows = [...form.querySelectorAll("li")];
const taken = form.dataset.taken.split(",");
const KINDS = /^(mod|alt) |(^| )F\d+$|^shift Esc$/;
let asking = null;

function show(row) {
  const { value } = row.querySelector("input");
  const part = (name) => row.querySelector(`[data-part=${name}]`);
  part("keys").replaceChildren(
    ...names(value).map((text) => {
      const key = document.createElement("kbd");
      key.textContent = text;
      return key;
    }),
  );
  part("keys").hidden = row === asking || !value;
  part("none").hidden = row === asking || Boolean(value);
  part("ask").hidden = row !== asking;
}

function ask(row) {
  const before = asking;
  asking = row;
  if (before) show(before);
  if (row) show(row);
}

function choose(row, keys) {
  row.querySelector("input").value = keys;
  row.querySelector(".field-errors").textContent = whatIsWrong(row, keys);
  ask(null);
  show(row);
}

function whatIsWrong(row, keys) {
  const other = rows.find((each) => each !== row && keys && each.querySelector("input").value === keys);
  if (other) return gettext("Two shortcuts cannot have the same keys.");
  const isUsable = !keys || (KINDS.test(keys) && !taken.includes(keys));
  return isUsable ? "" : gettext("These keys cannot be used. Take Ctrl, ⌘ or Alt with another key.");
}

for (const row of rows) {
  show(row);
  row.querySelector("button").addEventListener("click", () => ask(asking === row ? null : row));
  row.querySelector("button").addEventListener("blur", () => asking === row && ask(null));
}

// Before anything else hears of them: they are not meant to do now what they do elsewhere.
document.addEventListener(
  "keydown",
  (event) => {
    if (!asking || event.key === "Tab") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const row = asking;
    if (event.key === "Escape" && !event.shiftKey) ask(null);
    else if (["Backspace", "Delete"].includes(event.key)) choose(row, "");
    else if (pressed(event)) choose(row, pressed(event));
  },
  { capture: true },
);
