// Asking for a review of a withheld turn, and reporting an answer. What comes of it is shown beside the turn.
//
//   <dialog id="appeal-dialog"><form data-path="appeal">… <p data-part="refusal" hidden> <button data-close></form></dialog>
//   <div data-part="review"></div>   is filled by the server; empty where nobody asked

import { onAct } from "./acts.js";
import { announce } from "./announce.js";
import { gettext } from "./i18n.js";
import { post } from "./post.js";

export function startReviews() {
  onAct("appeal", askForReview);
  onAct("report", reportAnswer);
}

function askForReview(view) {
  openDialog("appeal-dialog", view, async (response) => {
    showReview(view, await response.text());
    part(view).focus(); // the button that opened the dialog is gone
    announce(gettext("Review asked for"));
  });
}

function reportAnswer(view) {
  openDialog("report-dialog", view, () => {
    markReported(view);
    announce(gettext("Reported. Thank you."));
  });
}

/** The staff has decided: show what. */
export async function refreshReview(view) {
  const response = await fetch(address(view, "review")).catch(() => null);
  if (response?.ok) showReview(view, await response.text());
}

function showReview(view, html) {
  part(view).innerHTML = html; // rendered by our own server
}

function markReported(view) {
  const button = view.element.querySelector("[data-do=report]");
  button.disabled = true;
  button.title = button.dataset.labelReported;
  button.setAttribute("aria-label", button.dataset.labelReported);
}

function openDialog(id, view, whenDone) {
  const dialog = document.getElementById(id);
  const form = dialog.querySelector("form");
  const refusal = form.querySelector("[data-part=refusal]");
  const refuse = (text) => {
    refusal.hidden = !text;
    refusal.textContent = text;
  };
  form.reset();
  refuse("");
  dialog.querySelector("[data-close]").onclick = () => dialog.close();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector(":scope .button-primary");
    button.disabled = true;
    const response = await post(address(view, form.dataset.path), new FormData(form));
    button.disabled = false;
    if (response?.ok) {
      dialog.close();
      await whenDone(response);
    } else {
      refuse(response?.status === 409 ? await response.text() : gettext("This did not get through. Please try again."));
    }
  };
  dialog.showModal();
}

function address(view, what) {
  return `/safety/turns/${view.id}/${what}/`;
}

function part(view) {
  return view.element.querySelector("[data-part=review]");
}
