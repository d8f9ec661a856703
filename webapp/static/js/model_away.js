// The banner that says that the model does not answer: for how long, and where one's own message stands meanwhile.
//
//   <div id="model-away" hidden> … <span data-part="for"></span> <span data-part="place"></span></div>
//   showAbsence(banner, { socket, turns, address: "/model/" });
//
// The server says it in hello, and hints while it lasts. Without a word for a while the page asks: a hint may be lost, and
// a newcomer has no connection yet.

import { announce } from "./announce.js";
import { gettext, interpolate, ngettext } from "./i18n.js";

const BELIEVED_MS = 30_000;
const HOUR_S = 3_600;

export function showAbsence(banner, { socket, turns, address }) {
  const part = (name) => banner.querySelector(`[data-part=${name}]`);
  let doubt = 0;

  const show = (away) => {
    clearTimeout(doubt);
    if (Boolean(away) === banner.hidden) announce(away ? banner.querySelector("strong").textContent : gettext("The model answers again."));
    banner.hidden = !away;
    if (!away) {
      part("place").textContent = "";
      return;
    }
    part("for").textContent = howLong(away.for_s);
    doubt = setTimeout(ask, BELIEVED_MS);
  };

  const ask = async () => {
    const response = await fetch(address).catch(() => null);
    const told = response?.ok ? await response.json().catch(() => null) : null;
    if (told) show(told.away);
    else doubt = setTimeout(ask, BELIEVED_MS);
  };

  socket.addEventListener("ready", ({ detail }) => show(detail.away));
  socket.addEventListener("message", ({ detail }) => detail.type === "hint" && detail.kind === "model" && show(detail.away));
  turns.addEventListener("reply-changed", ({ detail }) => {
    if (detail.type === "snapshot" && detail.state === "queued" && detail.queue) part("place").textContent = place(detail.queue.before);
  });
  if ("away" in banner.dataset) show({ for_s: banner.dataset.forS ? Number(banner.dataset.forS) : null });
}

function howLong(seconds) {
  if (seconds === null || seconds >= HOUR_S) return gettext("Nobody knows how long that will take.");
  const num = Math.floor(seconds / 60);
  if (!num) return gettext("It has been away for less than a minute; nobody knows how long it will take.");
  const text = ngettext(
    "It has been away for %(num)s minute; nobody knows how long it will take.",
    "It has been away for %(num)s minutes; nobody knows how long it will take.",
    num,
  );
  return interpolate(text, { num }, true);
}

function place(num) {
  if (!num) return gettext("Yours is the next one.");
  return interpolate(ngettext("%(num)s message is before yours.", "%(num)s messages are before yours.", num), { num }, true);
}
