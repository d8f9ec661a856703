// The sources of answers. The excerpt of one shows on hover and focus (style sheet); Escape takes it away without moving
// either. What marks sentences and opens sources is brought in when an answer was checked.
//
//   <div class="reply" data-support="[…]">   the server fills it in; a hint brings it for an answer that is shown

import { onAct, onActLater } from "./acts.js";

export function startSources(turns) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const source of turns.querySelectorAll(".source:is(:hover, :focus-within)")) source.dataset.dismissed = "";
  });
  for (const type of ["pointerout", "focusout"]) {
    turns.addEventListener(type, (event) => {
      const source = event.target.closest(".source");
      if (source && !source.contains(event.relatedTarget)) delete source.dataset.dismissed;
    });
  }
  startCitations(turns);
}

function startCitations(turns) {
  onActLater(["source", "unfound"], load);
  turns.addEventListener("reply-changed", ({ target: reply, detail }) => {
    if (detail.type === "snapshot") reply.dataset.support = detail.support?.length ? JSON.stringify(detail.support) : "";
    else if (detail.type === "retract") reply.dataset.support = "";
    mark(reply); // also when it is done after all, or goes on from one that was marked
  });
  const markAll = () => turns.querySelectorAll(".reply[data-support]:not([data-support=''], [data-marked])").forEach(mark);
  new MutationObserver(markAll).observe(turns, { childList: true });
  markAll();
}

/** What a hint says of an answer on the page. */
export async function showSupport(view, sentences) {
  view.element.dataset.support = JSON.stringify(sentences);
  await mark(view.element);
  (await load()).announceSupport(sentences);
}

async function mark(reply) {
  if (!reply.dataset.support && !reply.querySelector(".cite, [data-part=support]:not(:empty)")) return;
  reply.dataset.marked = "";
  try {
    (await load()).markSentences(reply);
  } catch {
    delete reply.dataset.marked; // no connection; the next change of the turns tries again
  }
}

async function load() {
  const citations = await import("./citations.js");
  onAct("source", citations.openSource);
  onAct("unfound", citations.toggleUnfound);
  return citations;
}
