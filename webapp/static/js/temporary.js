// A temporary chat: chosen on the empty page, erased when the page is left, or has not said for long that it is open.
//
//   <div id="chat" data-temporary>   <button id="temporary" aria-pressed="false">

import { announce } from "./announce.js";
import { gettext } from "./i18n.js";
import { leave } from "./left.js";
import { forgetTemporary, ofThisPage } from "./outbox.js";
import { post } from "./post.js";

const SAYS_SO_MS = 60_000;
const page = document.getElementById("chat");

export function isTemporary() {
  return "temporary" in page.dataset;
}

/** `onLeave` is called when a temporary chat is left, so that nothing of it stays in this browser; `onErased` when the
 * server has erased it, because the device slept or had no connection. */
export function startTemporary({ onLeave, onErased }) {
  const timer = setInterval(sayOpen, SAYS_SO_MS);
  document.addEventListener("visibilitychange", () => document.hidden || sayOpen());
  async function sayOpen() {
    if (!isTemporary() || !page.dataset.conversation) return;
    const response = await post(`/c/${page.dataset.conversation}/seen/`);
    if (response?.status !== 404) return;
    clearInterval(timer);
    onErased();
  }

  const toggle = document.getElementById("temporary");
  toggle?.addEventListener("click", () => {
    const isOn = page.toggleAttribute("data-temporary");
    toggle.setAttribute("aria-pressed", isOn);
    announce(isOn ? gettext("Temporary chat is on") : gettext("Temporary chat is off"));
  });
  addEventListener("pagehide", () => {
    if (!isTemporary()) return;
    // The server may have stored the first turn without this page knowing yet.
    const left = page.dataset.conversation || ofThisPage(null).find((entry) => entry.temporary)?.turn_id;
    if (left) leave(left);
    onLeave();
    forgetTemporary(page.dataset.conversation);
  });
  // A page that comes back from the cache of the browser shows what has been erased.
  addEventListener("pageshow", (event) => {
    if (event.persisted && isTemporary()) location.replace("/");
  });
}
