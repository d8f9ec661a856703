// How many messages may still go out, as soon as it is worth a word: a quarter of them or fewer, or the last one. None
// left: a countdown.
//
//   <p class="composer-limits" id="limits" hidden></p>
//   showLimits(element, socket)   the server says in hello, ack and refused what is left

import { gettext, interpolate } from "./i18n.js";

const WORTH_A_WORD = 0.25;
const SECOND_MS = 1_000;

export function showLimits(element, socket) {
  let timer = 0;

  const show = (limits, toldAt) => {
    clearTimeout(timer);
    const { limit, left, next_in_s: nextInS } = limits;
    const waitMs = toldAt + nextInS * SECOND_MS - Date.now();
    if (left < limit && waitMs <= 0) {
      show(...oneMore(limits, toldAt));
      return;
    }
    element.hidden = left === limit || left > Math.max(1, limit * WORTH_A_WORD);
    element.textContent = left ? inWords(limit, left, waitMs) : countdown(waitMs);
    if (left < limit) timer = setTimeout(show, left ? waitMs : Math.min(SECOND_MS, waitMs), limits, toldAt);
  };

  const told = ({ detail }) => {
    if (detail.limits) show(detail.limits, Date.now());
  };
  socket.addEventListener("ready", told);
  socket.addEventListener("message", told);
}

/** Messages come back one at a time, at an even pace. */
function oneMore({ limit, left, next_in_s: nextInS, full_in_s: fullInS }, toldAt) {
  const numMissing = limit - left - 1;
  const intervalS = numMissing ? Math.max(1, (fullInS - nextInS) / numMissing) : 0;
  const limits = { limit, left: left + 1, next_in_s: intervalS, full_in_s: Math.max(0, fullInS - nextInS) };
  return [limits, toldAt + nextInS * SECOND_MS];
}

function inWords(limit, left, waitMs) {
  const at = new Date(Date.now() + waitMs);
  const time = at.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  return interpolate(gettext("%(left)s of %(limit)s messages left, more at %(time)s"), { left, limit, time }, true);
}

function countdown(waitMs) {
  const seconds = Math.ceil(waitMs / SECOND_MS);
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return interpolate(gettext("No messages left. The next one can go out in %(time)s."), { time }, true);
}
