// Tells screen readers what changed, in whole sentences: an answer read out word by word cannot be followed. What went
// wrong everybody has to know.
//
//   <p class="sr-only" id="announcer" role="status"></p>   with the class "toast" while it is in sight

import { gettext } from "./i18n.js";

const SHOWN_MS = 6_000;
const announcer = document.getElementById("announcer");
let timer = 0;

export function announce(text) {
  show(text, "sr-only");
}

/** Say for a while, in sight, that something was not possible. */
export function complain(text = gettext("This did not get through. Please try again.")) {
  show(text, "toast");
  timer = setTimeout(() => (announcer.className = "sr-only"), SHOWN_MS);
}

function show(text, look) {
  clearTimeout(timer);
  announcer.className = look;
  announcer.textContent = "";
  requestAnimationFrame(() => (announcer.textContent = text)); // the same sentence twice is said twice
}
