// Reads an answer aloud with the voice of the browser, sentence by sentence. A browser without one has no button.
//
//   <button data-do="read-aloud" data-label-silent="…" data-label-reading="…" data-label-paused="…">
//   <button data-do="stop-reading">   both are shown by data-reading="reading|paused" on the reply

import { onAct } from "./acts.js";
import { sentencesOf } from "./sentences.js";

let current = null; // { reply, sentences, language, at, isPaused, utterance }

export function startReadingAloud(turns) {
  onAct("read-aloud", (view) => toggle(view));
  onAct("stop-reading", (view) => {
    stop();
    view.element.querySelector("[data-do=read-aloud]").focus(); // the button that was pressed is gone
  });
  turns.addEventListener("reply-changed", ({ target, detail }) => {
    if (detail.type === "retract" && target === current?.reply) stop();
  });
  addEventListener("pagehide", stop);
}

function toggle(view) {
  if (current?.reply !== view.element) {
    stop();
    const language = view.body.lang || document.documentElement.lang;
    const sentences = sentencesOf(view.body, language);
    if (sentences.length === 0) return;
    current = { reply: view.element, sentences, language, at: 0, isPaused: false };
    speak();
  } else if (current.isPaused) {
    current.isPaused = false;
    speak();
  } else {
    // Not speechSynthesis.pause(): on phones it cannot be undone. The sentence is begun again.
    current.isPaused = true;
    current.utterance = null;
    speechSynthesis.cancel();
  }
  if (current) show(current.reply, current.isPaused ? "paused" : "reading");
}

function speak() {
  const utterance = new SpeechSynthesisUtterance(current.sentences[current.at]);
  utterance.lang = current.language;
  utterance.onend = () => goOn(utterance);
  utterance.onerror = () => current?.utterance === utterance && stop();
  current.utterance = utterance;
  speechSynthesis.speak(utterance);
}

function goOn(utterance) {
  if (current?.utterance !== utterance) return; // it was paused or stopped
  current.at += 1;
  if (current.at < current.sentences.length && current.reply.isConnected) speak();
  else stop();
}

function stop() {
  if (!current) return;
  const { reply } = current;
  current = null;
  speechSynthesis.cancel();
  show(reply, "silent");
}

function show(reply, state) {
  if (state === "silent") delete reply.dataset.reading;
  else reply.dataset.reading = state;
  const button = reply.querySelector("[data-do=read-aloud]");
  const label = button.getAttribute(`data-label-${state}`);
  button.title = label;
  button.setAttribute("aria-label", label);
}
