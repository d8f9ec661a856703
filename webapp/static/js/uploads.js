// Sends files into the library, one request each, and follows how they are read there.
//
//   const { done, abort } = upload(file, (share) => …)   done: the document {id, title, url, state}, or an Error to show
//   for await (const known of reading({ id })) …   each state it comes to, until it is ready or failed

import { gettext } from "./i18n.js";
import { post } from "./post.js";

export const MAX_FILE_BYTES = 20 * 2 ** 20;
const ADDRESS = "/library/add/";
const POLL_MS = 1_000;

export function upload(file, onProgress) {
  const request = new XMLHttpRequest(); // fetch does not tell how much has been sent
  let isAborted = false;
  const abort = () => {
    isAborted = true;
    request.abort();
  };
  const begin = () => (isAborted ? new Promise(() => {}) : send(request, file, onProgress)); // nobody waits for it
  const done = file.size > MAX_FILE_BYTES ? Promise.reject(tooLarge()) : becomeSomebody().then(begin);
  return { done, abort };
}

function send(request, file, onProgress) {
  return new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    request.addEventListener("load", () => (request.status === 201 ? resolve(request.response) : reject(refusal(request))));
    request.addEventListener("error", () => reject(new Error(gettext("There is no connection. Please try again."))));
    request.responseType = "json";
    request.open("POST", ADDRESS);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", document.querySelector("meta[name=csrf-token]").content);
    const body = new FormData();
    body.append("file", file);
    request.send(body);
  });
}

let somebody = null;

/** A newcomer is given a guest's name tag first: of several files at once each would make a guest of its own. */
function becomeSomebody() {
  const newcomer = document.querySelector("[data-guest-url][data-person='']");
  return (somebody ??= newcomer ? post(newcomer.dataset.guestUrl) : Promise.resolve());
}

function refusal({ status, response }) {
  if (response?.reason) return new Error(response.reason);
  if (status === 413) return tooLarge();
  if (status === 429) return new Error(gettext("Too many files at once. Please wait a little, then try again."));
  return new Error(gettext("This did not get through. Please try again."));
}

function tooLarge() {
  return new Error(gettext("This file is too large. It may have 20 MB."));
}

/** What becomes of a document, from its state (if that is known) to the end; `null` if it is not there any more. */
export async function* reading(document) {
  const asked = document.id;
  let known = document;
  if (known.state) yield known;
  while (known && (known.state ?? "waiting") === "waiting") {
    if (known.state) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const response = await fetch(`/library/states/?id=${asked}`).catch(() => null);
    known = response?.ok ? ((await response.json())[asked] ?? null) : { ...known, state: "waiting" };
    yield known;
  }
}
