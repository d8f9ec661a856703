// The bar that says when the page is cut off. Short breaks are not worth a word.

import { gettext } from "./i18n.js";

const WORTH_A_WORD_MS = 2_500;

export function showConnection(bar, socket) {
  let timer = 0;
  const say = (text) => {
    bar.hidden = !text;
    bar.textContent = text;
  };
  const lost = () => {
    if (!navigator.onLine) say(gettext("You are offline. What you write stays here."));
    else timer ||= setTimeout(() => say(gettext("The connection is lost. Trying again…")), WORTH_A_WORD_MS);
  };
  socket.addEventListener("lost", lost);
  const back = () => {
    clearTimeout(timer);
    timer = 0;
    say("");
  };
  addEventListener("offline", lost);
  addEventListener("online", () => socket.isReady && back()); // the server may have been near enough all the time
  socket.addEventListener("ready", back);
  socket.addEventListener("denied", () => say(gettext("You are logged out here. Reload the page to go on.")));
}
