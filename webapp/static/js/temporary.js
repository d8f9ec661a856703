// A temporary chat: chosen on the empty page, erased when the page is left.
//
//   <div id="chat" data-temporary>   <button id="temporary" aria-pressed="false">

import { announce } from "./announce.js";
import { gettext } from "./i18n.js";
import { leave } from "./left.js";
import { forgetTemporary } from "./outbox.js";

const page = document.getElementById("chat");

export function isTemporary() {
  return "temporary" in page.dataset;
}

/** `onLeave` is called when a temporary chat is left, so that nothing of it stays in this browser. */
export function startTemporary(onLeave) {
  const toggle = document.getElementById("temporary");
  toggle?.addEventListener("click", () => {
    const isOn = page.toggleAttribute("data-temporary");
    toggle.setAttribute("aria-pressed", isOn);
    announce(isOn ? gettext("Temporary chat is on") : gettext("Temporary chat is off"));
  });
  addEventListener("pagehide", () => {
    if (!isTemporary()) return;
    if (page.dataset.conversation) leave(page.dataset.conversation);
    onLeave();
    forgetTemporary(page.dataset.conversation);
  });
  // A page that comes back from the cache of the browser shows what has been erased.
  addEventListener("pageshow", (event) => {
    if (event.persisted && isTemporary()) location.replace("/");
  });
}
