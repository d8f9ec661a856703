// System, light or dark.
//
//   <fieldset data-theme-choice><input type="radio" name="theme" value="dark"> …</fieldset>

import { load, remove, save } from "./store.js";

export function startTheme() {
  const choice = document.querySelector("[data-theme-choice]");
  if (!choice) return;
  const chosen = load("theme", "system");
  for (const input of choice.querySelectorAll("input")) input.checked = input.value === chosen;
  choice.addEventListener("change", (event) => choose(event.target.value));
}

function choose(theme) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    remove("theme");
  } else {
    document.documentElement.dataset.theme = theme;
    save("theme", theme);
  }
}
