// The ways for files into a message: a button, dropping, pasting. What happens then is loaded when first needed.
//
//   <ul id="attachments"> <button id="attach"> <input id="attach-files" type="file" hidden>   see attachments.js

import { complain } from "./announce.js";
import { isTemporary } from "./temporary.js";

const page = document.getElementById("chat");
const button = document.getElementById("attach");
const input = document.getElementById("attach-files");

/** Joins them with the composer. The message takes what is attached along with `take()`. */
export function startAttaching(composer) {
  let kept = null;
  let loading = null;
  const load = () => (loading ??= bringIn());
  const bringIn = async () => {
    try {
      const { Attachments } = await import("./attachments.js");
      return (kept = new Attachments(composer));
    } catch (error) {
      loading = null; // no connection; the next file tries again
      throw error;
    }
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

  const add = async (files) => {
    if (isTemporary()) composer.say(button.dataset.labelTemporary);
    else (await load().catch(() => complain()))?.add(files);
  };
  const showWhether = () => {
    button.ariaDisabled = isTemporary();
    button.title = isTemporary() ? button.dataset.labelTemporary : button.dataset.label;
    if (isTemporary()) kept?.clear();
  };

  button.addEventListener("click", () => (isTemporary() ? add() : input.click()));
  input.addEventListener("change", () => {
    add([...input.files]);
    input.value = "";
  });
  document.getElementById("message").addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    // Tables and slides come as words with a picture of them.
    const isPictured = event.clipboardData.types.includes("text/plain") && files.every(({ type }) => type.startsWith("image/"));
    if (!files.length || isPictured) return;
    event.preventDefault();
    add(files);
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    page.dataset.dropping = "";
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || delete page.dataset.dropping);
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    delete page.dataset.dropping;
    add([...event.dataTransfer.files]);
  });
  new MutationObserver(showWhether).observe(page, { attributeFilter: ["data-temporary"] });
  showWhether();
  if (composer.draft.documents.length) load();

  return {
    get isEmpty() {
      return kept?.isEmpty ?? true;
    },
    take: () => kept?.take() ?? [],
    put: async (documents) => documents?.length && (await load()).put(documents),
    show: async (turn, documents) => documents?.length && (await load()).show(turn, documents),
  };
}

/** The documents that stand beside a question. */
export function attachedTo(element) {
  return [...element.querySelectorAll("[data-document]")].map((link) => ({ id: link.dataset.document, title: link.textContent }));
}
