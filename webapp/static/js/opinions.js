// What stands beside an answer on the chat page: thumbs, reading aloud, dictation, and the sign that it is finished.
// Most of it is brought in when somebody wants it.

import { onActLater } from "./acts.js";
import { complain } from "./announce.js";
import { startFinishedSign } from "./finished_sign.js";

export function startOpinions(turns, form) {
  onActLater(["thumb", "close-feedback", "take-thumb-back"], once(async () => (await import("./feedback.js")).startFeedback(turns)));
  if (globalThis.speechSynthesis && globalThis.SpeechSynthesisUtterance) {
    turns.dataset.speaks = ""; // shows the button
    const load = once(async () => (await import("./read_aloud.js")).startReadingAloud(turns));
    onActLater(["read-aloud", "stop-reading"], load);
  }
  if (globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition) offerDictation(form);
  startFinishedSign(turns);
}

function offerDictation(form) {
  const button = form.querySelector("#dictate");
  const load = once(async () => new (await import("./dictation.js")).Dictation(form));
  button.hidden = false;
  for (const type of ["pointerover", "focus"]) button.addEventListener(type, () => load().catch(() => {}));
  button.addEventListener("click", () => load().then((dictation) => dictation.toggle(), sayThatItFailed));
}

function sayThatItFailed() {
  complain();
}

/** `load`, carried out once; after a failure once more. */
function once(load) {
  let loaded = null;
  return () => (loaded ??= load().catch((error) => ((loaded = null), Promise.reject(error))));
}
