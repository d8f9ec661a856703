// The chat page: joins the socket, the turns and the composer. State lives in the page (data- attributes of #chat and
// of each reply), in the outbox, and nowhere else.

import { actOn, onAct } from "./acts.js";
import { announce } from "./announce.js";
import { Composer } from "./composer.js";
import { toggleCodeReport } from "./code_reports.js";
import { showConnection } from "./connection.js";
import { copyAnswer, copyCode } from "./copy.js";
import { Followed } from "./follow.js";
import { newId } from "./ids.js";
import { showNews } from "./news.js";
import * as outbox from "./outbox.js";
import { askForReview, refreshReview, reportAnswer } from "./review.js";
import { Scroll } from "./scroll.js";
import { refreshConversations } from "./sidebar.js";
import { Socket } from "./socket.js";
import { startSources } from "./sources.js";
import { Thread } from "./thread.js";

const page = document.getElementById("chat");
const turns = document.getElementById("turns");
const thread = new Thread(turns, document.getElementById("blank-turn"));
const socket = new Socket(page.dataset.socket);
const followed = new Followed(socket);
const scroll = new Scroll(document.getElementById("jump"));
const composer = new Composer({
  form: document.getElementById("composer"),
  maxChars: Number(page.dataset.maxChars),
  draftKey: draftKey(),
  onSend: send,
  onStop: stop,
});
const toStop = new Set(); // answers to stop as soon as the server can be told

function conversation() {
  return page.dataset.conversation || null;
}

function draftKey() {
  return `draft.${conversation() ?? "new"}`;
}

// Sending

function send(text) {
  const entry = { turn_id: newId(), conversation: conversation(), parent: thread.last?.id || null, text };
  outbox.put(entry);
  showSent(entry);
  scroll.toEnd({ smooth: true });
  if (page.dataset.person) socket.send(outbox.command(entry));
  else becomeSomebody();
}

function showSent({ turn_id, text }) {
  delete page.dataset.empty;
  thread.add(turn_id, text);
  setTimeout(() => thread.showWaiting(turn_id, outbox.has(turn_id)), 1_500);
  composer.canStop = true;
}

/** A newcomer is given a guest's name tag before the socket opens; everything waiting is sent then. */
async function becomeSomebody() {
  const token = document.querySelector("meta[name=csrf-token]").content;
  try {
    const response = await fetch(page.dataset.guestUrl, { method: "POST", headers: { "X-CSRFToken": token } });
    if (!response.ok) throw new Error(response.status);
    page.dataset.person = "guest";
    socket.open();
  } catch {
    for (const entry of outbox.ofThisPage(conversation())) takeBack(entry.turn_id, "The message could not be sent. Please try again.");
  }
}

function stored({ turn_id, conversation: id, reply }) {
  outbox.take(turn_id);
  if (!thread.has(turn_id)) {
    refreshConversations(); // left by a tab that is gone
    return;
  }
  if (!conversation()) adoptConversation(id);
  thread.showWaiting(turn_id, false);
  let view = thread.answerTo(turn_id);
  if (view.id !== reply) {
    if (view.id) view = thread.replaceAnswer(turn_id);
    view.begin(reply);
  }
  if (toStop.delete(turn_id)) toStop.add(reply);
  follow(view);
}

function adoptConversation(id) {
  page.dataset.conversation = id;
  history.replaceState(null, "", `/c/${id}/`);
  composer.keepDraftAs(draftKey());
  refreshConversations();
}

function takeBack(turnId, reason, code = "") {
  const text = thread.has(turnId) ? thread.questionOf(thread.answerTo(turnId)) : "";
  outbox.take(turnId);
  thread.remove(turnId);
  if (!turns.childElementCount) page.dataset.empty = "";
  if (text && !composer.text) composer.text = text;
  composer.say(reason, code);
  composer.canStop = Boolean(thread.active);
  composer.focus();
}

// Following

function follow(view) {
  followed.add(view);
  composer.canStop = Boolean(thread.active);
  if (toStop.has(view.id)) stop();
}

function showMessage(message) {
  const view = followed.get(message.reply);
  if (!view) return;
  followed.heard(view.id);
  const wasWriting = view.numWords > 0;
  if (!view.apply(message)) return;
  if (!wasWriting && view.numWords > 0 && view.isActive) announce("Answer started");
  if (!view.isActive) finished(view);
  scroll.grown();
}

function finished(view) {
  followed.remove(view.id);
  toStop.delete(view.id);
  composer.canStop = Boolean(thread.active);
  composer.say("");
  const outcomes = {
    done: `Answer finished, ${view.numWords} words`,
    cancelled: "Answer stopped",
    blocked: "The answer was withheld",
    failed: "The answer failed",
  };
  announce(outcomes[view.state]);
}

function stop() {
  const view = thread.active;
  const waiting = outbox.ofThisPage(conversation()).at(-1);
  const target = view?.id ?? waiting?.turn_id;
  if (!target) return;
  toStop.add(target);
  if (view) socket.send({ type: "stop", reply: view.id });
}

/** Another tab or a lost connection: take over what this page does not show yet. */
async function catchUp() {
  if (!conversation()) return;
  const known = thread.views.filter((view) => view.id && !view.isActive).at(-2); // so that the last turn is compared too
  const after = known ? `?after=${known.id}` : "";
  const response = await fetch(`/c/${conversation()}/turns/${after}`).catch(() => null);
  if (!response?.ok) return;
  thread.merge(await response.text());
  followActive();
  scroll.grown();
}

function followAnew(view) {
  view.outdate();
  follow(view);
}

function followActive() {
  for (const view of thread.views) if (view.id && view.isActive && !followed.get(view.id)) follow(view);
}

function hinted(hint) {
  const shown = thread.views.find((view) => view.id === hint.reply);
  if (hint.kind === "review") {
    showNews(hint.num_unseen);
    if (shown) refreshReview(shown);
    if (shown && !shown.isActive) followAnew(shown); // perhaps released after all
    return;
  }
  refreshConversations();
  if (hint.conversation !== conversation()) return;
  document.getElementById("page-title").textContent = hint.title;
  document.title = `${hint.title} · Cria`;
  if (hint.reply && !shown) catchUp();
}

// What the server says

let mayHaveMissedTurns = performance.getEntriesByType("navigation")[0]?.type === "back_forward";

socket.addEventListener("ready", () => {
  if (mayHaveMissedTurns) catchUp();
  mayHaveMissedTurns = true; // hints are lost while there is no connection
  for (const entry of outbox.toSend()) socket.send(outbox.command(entry));
  for (const id of toStop) if (followed.get(id)) socket.send({ type: "stop", reply: id });
});

socket.addEventListener("message", ({ detail: message }) => {
  switch (message.type) {
    case "ack":
      stored(message);
      break;
    case "refused":
      takeBack(message.turn_id, message.text, message.code);
      break;
    case "hint":
      hinted(message);
      break;
    case "error":
      if (message.reply) showMessage(message);
      else composer.say(message.text, message.code);
      break;
    default:
      showMessage(message);
  }
});

// What the person does

turns.addEventListener("click", (event) => actOn(event, (button) => thread.viewAround(button)));
onAct("copy", copyAnswer);
onAct("code-report", (_view, button) => toggleCodeReport(button));
onAct("copy-code", (_view, button) => copyCode(button.closest("figure")));
onAct("edit", (view) => writeAgain(thread.questionOf(view)));
onAct("retry", (view) => socket.send({ type: "retry", reply: view.id }));
onAct("appeal", askForReview);
onAct("report", reportAnswer);

document.addEventListener("shortcut", ({ detail: name }) => {
  if (name === "copy-answer") copyAnswer(thread.last);
  if (name === "copy-code") copyCode([...turns.querySelectorAll("figure.code")].at(-1));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.shiftKey && !event.defaultPrevented && !document.querySelector("dialog[open], :popover-open")) stop();
  if (event.key === "ArrowUp" && event.target.id === "message" && !composer.text && thread.last) {
    event.preventDefault();
    writeAgain(thread.questionOf(thread.last));
  }
});

for (const starter of document.querySelectorAll("[data-prompt]")) {
  starter.addEventListener("click", () => {
    send(starter.dataset.prompt);
    composer.focus();
  });
}

function writeAgain(text) {
  composer.text = text;
  composer.focus();
}

// Begin

new ResizeObserver(([entry]) => {
  document.documentElement.style.setProperty("--composer-height", `${entry.borderBoxSize[0].blockSize}px`);
  scroll.settle();
}).observe(document.querySelector(".dock"));

showConnection(document.getElementById("connection"), socket);
startSources(turns);
for (const entry of outbox.ofThisPage(conversation())) {
  if (thread.has(entry.turn_id)) outbox.take(entry.turn_id);
  else showSent(entry);
}
if (page.dataset.person) socket.open();
else if (outbox.ofThisPage(null).length) becomeSomebody();
followActive();
if (thread.last) scroll.toEnd();
