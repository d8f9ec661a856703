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
  let placed = null; // the answer whose place is shown

  const show = (away) => {
    clearTimeout(doubt);
    if (Boolean(away) === banner.hidden) announce(away ? banner.querySelector("strong").textContent : gettext("The model answers again."));
    banner.hidden = !away;
    if (!away) {
      showPlace(null);
      return;
    }
    part("for").textContent = howLong(away.for_s);
    doubt = setTimeout(ask, believedMs());
  };

  const showPlace = (reply, text = "") => {
    placed = reply;
    part("place").textContent = text;
  };

  const ask = async () => {
    const response = await fetch(address).catch(() => null);
    const told = response?.ok ? await response.json().catch(() => null) : null;
    if (told) show(told.away);
    else doubt = setTimeout(ask, believedMs());
  };

  socket.addEventListener("ready", ({ detail }) => show(detail.away));
  socket.addEventListener("message", ({ detail }) => detail.type === "hint" && detail.kind === "model" && show(detail.away));
  turns.addEventListener("reply-changed", ({ detail }) => {
    const { type, reply, state, queue } = detail;
    if (type === "snapshot" && state === "queued" && queue) showPlace(reply, place(queue.before));
    else if (reply === placed && ["snapshot", "done", "error"].includes(type)) showPlace(null);
  });
  if ("away" in banner.dataset) show({ for_s: banner.dataset.forS ? Number(banner.dataset.forS) : null });
}

/** Not all pages at the same moment. */
function believedMs() {
  return BELIEVED_MS * (1 + Math.random() / 2);
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
