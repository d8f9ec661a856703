// Long lines of code are scrolled, or wrapped: one choice for all code, kept in this browser. appearance.js makes it
// again before anything is painted, and prose.css obeys it.
//
//   <html data-wrap>   <button data-do="wrap-code" aria-pressed="true">

import { save } from "./store.js";

const root = document.documentElement;

/** Let the buttons under `part` say which way it is. */
export function showWhetherWrapped(part) {
  for (const button of part.querySelectorAll("[data-do=wrap-code]")) button.ariaPressed = "wrap" in root.dataset;
}

/** The other way from now on; what was pressed stays under the finger, whatever the code above it does. */
export function toggleWrap(button) {
  const top = button.getBoundingClientRect().top;
  save("wrap", root.toggleAttribute("data-wrap"));
  showWhetherWrapped(document);
  scrollBy({ top: button.getBoundingClientRect().top - top, behavior: "instant" });
}
