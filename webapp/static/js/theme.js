// System, light or dark. Kept by the server for somebody it knows, in this browser for everybody else.
//
//   <fieldset data-theme-choice data-saved-at="/settings/theme/"><input type="radio" name="theme" value="dark"> …</fieldset>
//   <form data-sets-theme><input type="radio" name="theme" value="dark"> …</form>   on the settings page

import { post } from "./post.js";
import { load, remove, save } from "./store.js";

const root = document.documentElement;

export function startTheme() {
  const choice = document.querySelector("[data-theme-choice]");
  if (!choice) return;
  const chosen = root.dataset.theme ?? "system";
  for (const input of document.querySelectorAll("[name=theme]")) input.checked = input.value === chosen;
  const address = choice.dataset.savedAt;
  choice.addEventListener("change", ({ target }) => {
    show(target.value);
    keepHere(address ? "system" : target.value);
    if (address) tellServer(address, target.value);
  });
  document.querySelector("[data-sets-theme]")?.addEventListener("submit", () => remove("theme"));
  if (address) handOver(address);
}

function show(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
}

function keepHere(theme) {
  if (theme === "system") remove("theme");
  else save("theme", theme);
}

/** What was chosen here before the server knew anybody is theirs from now on, unless they chose otherwise since. */
async function handOver(address) {
  const kept = load("theme");
  if (!kept) return;
  if (root.dataset.theme !== kept || (await tellServer(address, kept))) remove("theme");
}

async function tellServer(address, theme) {
  const response = await post(address, { theme }, { keepalive: true });
  return Boolean(response?.ok); // offline this page shows it all the same
}
