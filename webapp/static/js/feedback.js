// Thumbs on an answer. A press is saved at once; the panel that opens then asks why, and can be ignored. The same thumb
// again opens it with what was said, and closes it.
//
//   <button data-do="thumb" data-thumb="up" aria-pressed="false">   <div data-part="feedback"></div>
//   <form data-feedback> [data-worth-a-report] <p data-part="offer-report" hidden> <p data-part="refusal" hidden>

import { onAct } from "./acts.js";
import { announce, complain } from "./announce.js";
import { gettext } from "./i18n.js";
import { post } from "./post.js";

export function startFeedback(turns) {
  onAct("thumb", press);
  onAct("close-feedback", (view) => close(view.element));
  onAct("take-thumb-back", takeBack);
  turns.addEventListener("change", ({ target }) => {
    const form = target.closest("[data-feedback]");
    if (form) offerReport(form);
  });
  turns.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-feedback]")) return;
    event.preventDefault();
    explain(event.target);
  });
  turns.addEventListener("keydown", (event) => {
    const panel = event.target.closest("[data-feedback]");
    if (event.key !== "Escape" || !panel) return;
    event.preventDefault();
    close(panel.closest(".reply"));
  });
}

async function press(view, button) {
  const { thumb } = button.dataset;
  const isAgain = pressed(view.element) === thumb;
  const panel = panelOf(view.element);
  if (isAgain && panel.firstElementChild) {
    close(view.element);
    return;
  }
  const response = await give(view, thumb);
  if (!response) return;
  panel.innerHTML = await response.text(); // rendered by our own server
  offerReport(panel.firstElementChild);
  announce(isAgain ? gettext("What you said about this answer is below.") : gettext("Saved. You can say why below."));
}

async function takeBack(view) {
  const thumb = view.element.querySelector("[data-do=thumb][aria-pressed=true]");
  if (!(await give(view, "none"))) return;
  panelOf(view.element).replaceChildren();
  thumb?.focus(); // the button is gone
  announce(gettext("Taken back"));
}

/** Shown at once; what the server says, or null if it could not be told. */
async function give({ id, element }, thumb) {
  const before = pressed(element);
  show(element, thumb);
  const response = await post(`/turns/${id}/thumb/`, { thumb }, { keepalive: true }); // people press it and leave
  if (response?.ok) return response;
  show(element, before);
  complain();
  return null;
}

async function explain(form) {
  const reply = form.closest(".reply");
  const response = await post(form.action, new FormData(form));
  if (response?.ok) {
    close(reply);
    announce(gettext("Thank you."));
    return;
  }
  const refusal = form.querySelector("[data-part=refusal]");
  refusal.hidden = false;
  refusal.textContent =
    response?.status === 409 ? await response.text() : gettext("This did not get through. Please try again.");
}

/** The focus goes back to the thumb that opened it. */
function close(reply) {
  const panel = panelOf(reply);
  const hadFocus = panel.contains(document.activeElement);
  panel.replaceChildren();
  if (hadFocus) reply.querySelector("[data-do=thumb][aria-pressed=true]")?.focus();
}

function offerReport(form) {
  const isReported = form.closest(".reply").querySelector("[data-do=report]").disabled;
  const isWorthIt = form.querySelector("[data-worth-a-report]:checked") !== null;
  form.querySelector("[data-part=offer-report]").hidden = isReported || !isWorthIt;
  form.scrollIntoView({ block: "nearest" });
}

function panelOf(reply) {
  return reply.querySelector("[data-part=feedback]");
}

function pressed(reply) {
  return reply.querySelector("[data-do=thumb][aria-pressed=true]")?.dataset.thumb ?? null;
}

function show(reply, thumb) {
  for (const button of reply.querySelectorAll("[data-do=thumb]")) {
    button.setAttribute("aria-pressed", button.dataset.thumb === thumb);
  }
}
