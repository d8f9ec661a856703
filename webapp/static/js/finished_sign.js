// An answer that ends while the page is out of sight puts a mark into the title of the tab: "(1) Rainbows · Cria". Who
// has asked for it (settings, kept in this browser) is told by a notification, too.

import { gettext } from "./i18n.js";
import { load } from "./store.js";

const ENDED = new Set(["done", "cancelled", "blocked", "failed"]);
let numFinished = 0;

export function startFinishedSign(turns) {
  turns.addEventListener("reply-changed", ({ target, detail }) => {
    const isEnd = detail.type === "done" || detail.type === "error";
    if (document.hidden && isEnd && ENDED.has(target.dataset.state)) finished();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    numFinished = 0;
    mark();
  });
  new MutationObserver(mark).observe(document.querySelector("title"), { childList: true }); // the chat may be renamed
}

function finished() {
  numFinished += 1;
  mark();
  if (load("notify") !== true || globalThis.Notification?.permission !== "granted") return;
  try {
    const body = gettext("Your answer is finished.");
    const notification = new Notification(document.title, { body, tag: location.pathname });
    notification.onclick = () => {
      focus();
      notification.close();
    };
  } catch {
    // Browsers of phones have the name but allow it to service workers only; the mark in the title is there.
  }
}

function mark() {
  const bare = document.title.replace(/^\(\d+\) /, "");
  const title = numFinished ? `(${numFinished}) ${bare}` : bare;
  if (document.title !== title) document.title = title;
}
