// The share dialog, and buttons that copy a link.
//
//   openShareDialog(conversation)                 <dialog id="share-dialog"> <div id="share-body">
//   <form data-share> [name=which] [name=reply]   which turns: all, up to one, or those that are checked
//   <button data-copy-from="id-of-a-field">

import { announce } from "./announce.js";
import { gettext } from "./i18n.js";

const SAYS_SO_MS = 1800;

document.addEventListener("click", (event) => {
  const copies = event.target.closest("[data-copy-from]");
  if (copies) copy(copies);
});

document.addEventListener("change", ({ target }) => {
  const form = target.closest("form[data-share]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("[name=reply]")];
  const which = form.querySelector("[name=which]:checked").value;
  form.querySelector(".share-turns").hidden = which === "all";
  if (target.name === "which") for (const box of boxes) box.checked = true;
  if (target.name === "reply" && which === "upto") {
    const last = boxes.indexOf(target);
    for (const [number, box] of boxes.entries()) box.checked = number <= last;
  }
});

export async function openShareDialog(conversation) {
  const body = document.getElementById("share-body");
  body.replaceChildren();
  document.getElementById("share-dialog").showModal();
  await globalThis.htmx.ajax("GET", `/c/${conversation}/share/`, { target: body, swap: "innerHTML" });
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copyFrom);
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select(); // a page at a plain address has no clipboard, and a browser may keep it
    document.execCommand("copy");
  }
  button.dataset.copied = "";
  announce(gettext("Link copied"));
  setTimeout(() => delete button.dataset.copied, SAYS_SO_MS);
}
