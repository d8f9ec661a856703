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

async function finished() {
  numFinished += 1;
  mark();
  if (load("notify") !== true || globalThis.Notification?.permission !== "granted") return;
  // By the service worker: on a phone a page itself may not, and it is the one that hears the press.
  const registration = await navigator.serviceWorker?.getRegistration();
  registration?.showNotification(document.title, { body: gettext("Your answer is finished."), tag: location.pathname });
}

function mark() {
  const bare = document.title.replace(/^\(\d+\) /, "");
  const title = numFinished ? `(${numFinished}) ${bare}` : bare;
  if (document.title !== title) document.title = title;
}
