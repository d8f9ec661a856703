// The chat page: joins the socket, the turns and the composer. State lives in the page (data- attributes of #chat and
// of each reply), in the outbox, and nowhere else.

import { actOn, onAct } from "./acts.js";
import { announce } from "./announce.js";
import { Composer } from "./composer.js";
import { toggleCodeReport } from "./code_reports.js";
import { showConnection } from "./connection.js";
import { copyAnswer, copyCode } from "./copy.js";
import { editQuestion } from "./edit.js";
import { Followed } from "./follow.js";
import { gettext, interpolate, ngettext } from "./i18n.js";
import { newId } from "./ids.js";
import { showLimits } from "./limits.js";
import { showNews } from "./news.js";
import * as outbox from "./outbox.js";
import { Queue } from "./queue.js";
import { startQueuePlace } from "./queue_place.js";
import { Reading } from "./reading.js";
import { askForReview, refreshReview, reportAnswer } from "./review.js";
import { Scroll } from "./scroll.js";
import { refreshConversations } from "./sidebar.js";
import { Socket } from "./socket.js";
import { startSources } from "./sources.js";
import { startSteps } from "./steps.js";
import { isTemporary, startTemporary } from "./temporary.js";
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
  onSend: (text) => (thread.active || waiting() ? queueUp(text) : send(text)),
  onStop: stop,
});
const queue = new Queue(document.getElementById("queue"), {
  address: () => conversation() && address("queue/"),
  onEdit: (text) => writeAgain([text, composer.text].filter(Boolean).join("\n")),
  send: tell,
});
const reading = new Reading({ turns, thread, scroll, address: (turnId) => address(`turns/?before=${turnId}`) });
const toStop = new Set(); // answers to stop as soon as the server can be told
const toContinue = new Set(); // turns whose next answer begins with what is shown

function conversation() {
  return page.dataset.conversation || null;
}

function address(path = "") {
  return `/c/${conversation()}/${path}`;
}

function draftKey() {
  return `draft.${conversation() ?? "new"}`;
}

// Sending

function send(text, parent = thread.lastStored?.id ?? null) {
  const entry = { type: "send", turn_id: newId(), conversation: conversation(), parent, text, temporary: isTemporary() };
  outbox.put(entry);
  showSent(entry);
  scroll.toEnd({ smooth: true });
  if (page.dataset.person) socket.send(outbox.command(entry));
  else becomeSomebody();
  return true;
}

/** It waits on the server until the answer that is being written is done. */
function queueUp(text) {
  if (!conversation() || !socket.isReady) {
    composer.say(gettext("There is no connection right now. Your message stays here."));
    return false;
  }
  const entry = { type: "queue", turn_id: newId(), conversation: conversation(), text };
  outbox.put(entry);
  socket.send(outbox.command(entry));
  announce(gettext("Your message is sent when this answer is finished"));
  return true;
}

function waiting() {
  return outbox.ofThisPage(conversation()).filter((entry) => !outbox.isOld(entry)).at(-1);
}

/** Tell the server now, or say why that is not possible. */
function tell(command) {
  const isTold = socket.send(command);
  if (!isTold) composer.say(gettext("There is no connection right now. Please try again in a moment."));
  return isTold;
}

function showSent(entry) {
  if (entry.type === "queue") return;
  delete page.dataset.empty;
  thread.add(entry.turn_id, entry.text, entry.parent, { replaces: !outbox.isOld(entry) });
  thread.showUnsent(entry.turn_id, outbox.isOld(entry));
  if (!outbox.isOld(entry)) setTimeout(() => thread.showWaiting(entry.turn_id, outbox.has(entry.turn_id)), 1_500);
  changed();
}

/** What was written too long ago goes out only if the person still wants it. */
function askAboutUnsent() {
  for (const entry of outbox.ofThisPage(conversation()).filter(outbox.isOld)) {
    if (!thread.has(entry.turn_id)) showSent(entry);
    thread.showWaiting(entry.turn_id, false);
    thread.showUnsent(entry.turn_id, true);
  }
}

function sendUnsent(turnId) {
  outbox.renew(turnId);
  thread.showUnsent(turnId, false);
  thread.markReplacement(turnId);
  if (page.dataset.person) tell(outbox.command(outbox.get(turnId)));
  else becomeSomebody();
  changed();
}

/** A newcomer is given a guest's name tag before the socket opens; everything waiting is sent then. */
async function becomeSomebody() {
  const response = await post(page.dataset.guestUrl);
  if (response?.ok) {
    page.dataset.person = "guest";
    socket.open();
    return;
  }
  for (const entry of outbox.ofThisPage(conversation())) {
    takeBack(entry.turn_id, gettext("The message could not be sent. Please try again."));
  }
}

function post(url, fields = {}) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const body = new URLSearchParams(fields);
  return fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, body }).catch(() => null);
}

function stored({ turn_id, conversation: id, reply }) {
  outbox.take(turn_id);
  if (!thread.has(turn_id)) {
    if (id === conversation()) catchUp();
    else refreshConversations(); // left by a tab that is gone
    return;
  }
  if (!conversation()) adoptConversation(id);
  thread.showWaiting(turn_id, false);
  let view = thread.answerTo(turn_id);
  const isVersion = thread.isReplacement(turn_id) || Boolean(view.id && view.id !== reply);
  if (view.id !== reply) {
    if (view.id) view = thread.replaceAnswer(turn_id, { keepsText: toContinue.delete(turn_id) });
    view.begin(reply);
  }
  if (toStop.delete(turn_id)) toStop.add(reply);
  follow(view);
  if (isVersion) catchUp(); // how many versions there are is the server's to say
}

function adoptConversation(id) {
  page.dataset.conversation = id;
  if (!isTemporary()) history.replaceState(null, "", address());
  composer.keepDraftAs(draftKey());
  refreshConversations();
}

function takeBack(turnId, reason, code = "") {
  const entry = outbox.get(turnId);
  outbox.take(turnId);
  const wasReplacement = thread.isReplacement(turnId);
  thread.remove(turnId);
  if (!thread.last && !conversation()) page.dataset.empty = "";
  if (entry && !composer.text) composer.text = entry.text;
  composer.say(reason, code);
  if (wasReplacement) catchUp(); // what it would have replaced is still there
  changed();
  composer.focus();
}

// Following

function follow(view) {
  followed.add(view);
  changed();
  if (toStop.has(view.id)) stop();
}

/** The turns on the page are others than before, or one has another state. */
function changed() {
  composer.canStop = Boolean(thread.active || waiting());
  reading.changed();
}

function showMessage(message) {
  const view = followed.get(message.reply);
  if (!view) return;
  followed.heard(view.id);
  const wasWriting = view.numWords > 0;
  if (!view.apply(message)) return;
  if (!wasWriting && view.numWords > 0 && view.isActive) announce(gettext("Answer started"));
  if (!view.isActive) finished(view);
  scroll.grown();
}

function finished(view) {
  followed.remove(view.id);
  toStop.delete(view.id);
  changed();
  composer.say("");
  if (!queue.isEmpty) queue.refresh();
  const words = ngettext("Answer finished, %(num)s word", "Answer finished, %(num)s words", view.numWords);
  const outcomes = {
    done: interpolate(words, { num: view.numWords }, true),
    cancelled: gettext("Answer stopped"),
    blocked: gettext("The answer was withheld"),
    failed: gettext("The answer failed"),
  };
  announce(outcomes[view.state]);
}

function stop() {
  const view = thread.active;
  const target = view?.id ?? waiting()?.turn_id;
  if (!target) return;
  toStop.add(target);
  if (view) socket.send({ type: "stop", reply: view.id });
}

/** Another tab or a lost connection: take over what this page does not show yet. */
async function catchUp() {
  if (!conversation()) return;
  queue.refresh();
  const known = thread.views.filter((view) => view.id && !view.isActive).at(-2); // so that the last turn is compared too
  const response = await fetch(address(`turns/${known ? `?after=${known.id}` : ""}`)).catch(() => null);
  if (response?.ok) takeOver(await response.text(), response.headers.get("Cria-After"));
}

function takeOver(html, after = "") {
  if (after && !thread.views.some((view) => view.id === after)) {
    catchUp(); // the branch was changed meanwhile
    return;
  }
  thread.merge(html, after);
  followed.prune();
  followActive();
  changed();
  scroll.grown();
}

function followAnew(view) {
  view.outdate();
  follow(view);
}

function followActive() {
  for (const view of thread.views) if (view.id && view.isActive && !followed.get(view.id)) follow(view);
}

/** Show the branch through another version of a turn; the focus stays at the same button. */
async function select(to, button) {
  const response = await post(address("select/"), { turn: to });
  if (!response?.ok) {
    composer.say(response?.status === 409 ? await response.text() : gettext("This did not get through. Please try again."));
    return;
  }
  scroll.letGo();
  const part = button.closest(".versions").dataset.part;
  const before = button.getBoundingClientRect().top;
  takeOver(await response.text());
  const versions = turns.querySelector(`[data-reply="${CSS.escape(to)}"]`)?.closest(".turn").querySelector(`[data-part=${part}]`);
  const same = versions?.querySelector(`[data-way=${button.dataset.way}]:enabled`) ?? versions?.querySelector("button:enabled");
  if (!same) return;
  same.focus({ preventScroll: true });
  scrollBy({ top: same.getBoundingClientRect().top - before, behavior: "instant" });
  announce(versions.querySelector(".versions-place").textContent);
}

function hinted(hint) {
  const shown = thread.views.find((view) => view.id === hint.reply);
  if (hint.kind === "review") {
    showNews(hint.num_unseen);
    if (shown) refreshReview(shown);
    if (shown && !shown.isActive) followAnew(shown); // perhaps released after all
    return;
  }
  if (hint.kind === "followups") {
    shown?.suggest(hint.items);
    return;
  }
  if (hint.kind === "queue") {
    if (hint.conversation === conversation()) queue.refresh();
    return;
  }
  refreshConversations();
  if (hint.conversation !== conversation()) return;
  document.getElementById("page-title").textContent = hint.title;
  document.title = `${hint.title} · Cria`;
  if (hint.reply && thread.last?.id !== hint.reply && !waiting()) catchUp();
}

// What the server says

let mayHaveMissedTurns = performance.getEntriesByType("navigation")[0]?.type === "back_forward";

socket.addEventListener("ready", () => {
  if (mayHaveMissedTurns) catchUp();
  mayHaveMissedTurns = true; // hints are lost while there is no connection
  for (const entry of outbox.toSend()) socket.send(outbox.command(entry));
  askAboutUnsent();
  for (const id of toStop) if (followed.get(id)) socket.send({ type: "stop", reply: id });
});

socket.addEventListener("message", ({ detail: message }) => {
  switch (message.type) {
    case "ack":
      stored(message);
      break;
    case "queued":
      outbox.take(message.turn_id);
      queue.refresh();
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
onAct("edit", edit);
onAct("retry", (view) => tell({ type: "retry", reply: view.id }));
onAct("regenerate", (view) => tell({ type: "retry", reply: view.id }));
onAct("continue", (view) => {
  toContinue.add(thread.turnIdOf(view));
  if (!tell({ type: "continue", reply: view.id })) toContinue.clear();
});
onAct("select", (_view, button) => select(button.dataset.to, button));
onAct("followup", (_view, button) => send(button.textContent));
onAct("send-unsent", (view) => sendUnsent(thread.turnIdOf(view)));
onAct("delete-unsent", (view) => {
  outbox.take(thread.turnIdOf(view));
  const wasReplacement = thread.isReplacement(thread.turnIdOf(view));
  thread.remove(thread.turnIdOf(view));
  if (!thread.last && !conversation()) page.dataset.empty = "";
  if (wasReplacement) catchUp();
  changed();
});
onAct("appeal", askForReview);
onAct("report", reportAnswer);

/** The changed question is another version beside the old one, and the talk goes on from there. */
function edit(view) {
  if (thread.active || waiting()) {
    composer.say(gettext("Please wait until this answer is finished, or stop it."));
    return;
  }
  const parent = thread.parentOf(view);
  scroll.letGo();
  editQuestion(view.element.closest(".turn"), (text) => {
    send(text, parent);
    composer.focus();
  });
}

document.addEventListener("shortcut", ({ detail: name }) => {
  if (name === "copy-answer") copyAnswer(thread.last);
  if (name === "copy-code") copyCode([...turns.querySelectorAll("figure.code")].at(-1));
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey) return;
  if (event.key === "Escape" && !event.shiftKey && !document.querySelector("dialog[open], :popover-open")) stop();
  if (event.key === "ArrowUp" && event.target.id === "message" && !composer.text && thread.last?.id) {
    event.preventDefault();
    edit(thread.last);
  }
});

page.addEventListener("click", (event) => {
  const starter = event.target.closest("[data-prompt]");
  if (!starter) return;
  send(starter.dataset.prompt);
  composer.focus();
});

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
showLimits(document.getElementById("limits"), socket);
startQueuePlace(turns);
startSources(turns);
startSteps(turns);
startTemporary(() => (composer.text = ""));
for (const entry of outbox.ofThisPage(conversation())) {
  if (thread.has(entry.turn_id)) outbox.take(entry.turn_id);
  else showSent(entry);
}
if (page.dataset.person) socket.open();
else if (waiting()) becomeSomebody();
followActive();
changed();
if (page.dataset.leadsTo) {
  reading.lead(page.dataset.leadsTo, new URLSearchParams(location.search).get("q"));
  post(address("select/"), { turn: page.dataset.leadsTo }); // the branch that is looked at is the chosen one
} else if (thread.last) {
  scroll.toEnd();
}
