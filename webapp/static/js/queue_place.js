// Where an answer stands in the line while all workers are busy. The server says it in the snapshot, every two seconds.
//
//   <span data-says="queued">Waiting for a free place…</span>

import { gettext, interpolate, ngettext } from "./i18n.js";

export function startQueuePlace(turns) {
  turns.addEventListener("reply-changed", ({ target, detail }) => {
    if (detail.type !== "snapshot") return;
    const words = target.querySelector("[data-says=queued]");
    words.dataset.usual ??= words.textContent;
    words.textContent = detail.queue ? inWords(detail.queue) : words.dataset.usual;
  });
}

function inWords({ before, wait_s: wait }) {
  if (!before) return interpolate(gettext("You are next, about %(wait)s s"), { wait }, true);
  const text = ngettext("%(num)s person is before you, about %(wait)s s", "%(num)s people are before you, about %(wait)s s", before);
  return interpolate(text, { num: before, wait }, true);
}
