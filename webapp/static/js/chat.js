// The chat page: joins the socket, the turns and the composer. State lives in the page (data- attributes of #chat and
// of each reply), in the outbox, and nowhere else.

import { actOn, onAct, onActLater, prepareFor } from "./acts.js";
import { Answers } from "./answers.js";
import { attachedTo, startAttaching } from "./attaching.js";
import { CatchingUp } from "./catching_up.js";
import { toggleCodeReport } from "./code_reports.js";
import { Composer } from "./composer.js";
import { showConnection } from "./connection.js";
import { address, adopt, conversation, draftKey } from "./conversation.js";
import { copyAnswer, copyCode } from "./copy.js";
import { editQuestion } from "./edit.js";
import { Gauge } from "./gauge.js";
import { takerOfHints } from "./hints.js";
import { gettext } from "./i18n.js";
import { isOfTheInputMethod } from "./keys.js";
import { showLimits } from "./limits.js";
import { showAbsence } from "./model_away.js";
import { startOpinions } from "./opinions.js";
import { post } from "./post.js";
import { Queue } from "./queue.js";
import { startQueuePlace } from "./queue_place.js";
import { Reading } from "./reading.js";
import { Scroll } from "./scroll.js";
import { Sending } from "./sending.js";
import { refreshConversations } from "./sidebar.js";
import { Socket } from "./socket.js";
import { startSources } from "./sources.js";
import { startSteps } from "./steps.js";
import { startTemporary } from "./temporary.js";
import { Thread } from "./thread.js";
import { toggleWrap } from "./wrap.js";

const page = document.getElementById("chat");
const turns = document.getElementById("turns");
const thread = new Thread(turns, document.getElementById("blank-turn"));
const socket = new Socket(page.dataset);
const scroll = new Scroll(document.getElementById("jump"));
const composer = new Composer({
  form: document.getElementById("composer"),
  maxChars: Number(page.dataset.maxChars),
  draftKey: draftKey(),
  onSend: (text) => (thread.active || sending.waiting ? sending.queueUp(text) : send(text)),
  onStop: stop,
});
const catchUp = () => catchingUp.run();
const attaching = startAttaching(composer);
const sending = new Sending({ thread, socket, composer, attaching, changed, catchUp });
const queue = new Queue(document.getElementById("queue"), {
  address: () => conversation() && address("queue/"),
  tell,
  active: () => thread.active?.id,
  onEdit: (turnId, text, documents) => sending.wantBack(turnId, text, documents),
  onShown: (turnIds) => sending.queued(turnIds),
});
const gauge = new Gauge(document.getElementById("gauge"), { thread });
const reading = new Reading({ turns, thread, scroll, address: (turnId) => address(`turns/?before=${turnId}`) });
const answers = new Answers({ thread, socket, scroll, changed, ended });
const catchingUp = new CatchingUp({ thread, queue, answers, scroll, changed, say: (text) => composer.say(text) });
const takeHint = takerOfHints({ thread, queue, answers, sending, catchingUp, gauge });

/** The turns on the page are others than before, or one has another state. */
function changed() {
  composer.canStop = Boolean(thread.active || sending.waiting);
  reading.changed();
  gauge.changed();
}

function ended() {
  composer.say("");
  refreshConversations(); // it is not live any more, and has been seen
  if (!queue.isEmpty) queue.refresh();
}

function send(text, { parent, attachments, origin } = {}) {
  sending.send(text, { parent, attachments, origin });
  scroll.toEnd({ smooth: true });
}

function tell(command) {
  return sending.tell(command);
}

function stop() {
  answers.stop(sending.waiting?.turn_id);
}

// What the server says

const LATE_MS = 2_000; // after the server wrote the page: what others did meanwhile was said to nobody
const { type: arrival, responseStart = 0 } = performance.getEntriesByType("navigation")[0] ?? {};
let mayHaveMissedTurns = arrival === "back_forward";

socket.addEventListener("ready", () => {
  if (mayHaveMissedTurns || socket.usesEvents || performance.now() - responseStart > LATE_MS) {
    chosen.then(catchUp);
    refreshConversations();
    gauge.refresh();
  }
  mayHaveMissedTurns = true; // hints are lost while there is no connection
  sending.resume();
  answers.resume();
});

socket.addEventListener("message", ({ detail: message }) => {
  switch (message.type) {
    case "ack":
      stored(message);
      break;
    case "queued":
      sending.queued([message.turn_id]);
      queue.refresh();
      break;
    case "unqueued":
      sending.unqueued(message.turn_id, message.sent);
      break;
    case "refused":
      sending.takeBack(message.turn_id, message.text, message.code);
      break;
    case "hint":
      takeHint(message);
      break;
    case "error":
      if (message.reply) answers.show(message);
      else composer.say(message.text, message.code);
      break;
    default:
      answers.show(message);
  }
});

function stored({ turn_id, conversation: id, reply }) {
  sending.stored(turn_id, id);
  if (!thread.has(turn_id)) {
    if (id === conversation()) catchUp();
    else refreshConversations(); // left by a tab that is gone
    return;
  }
  if (!conversation()) {
    adopt(id);
    composer.keepDraftAs(draftKey());
    refreshConversations();
  }
  if (location.search) history.replaceState(null, "", address()); // a link led here; a reload shows what was written since
  thread.showWaiting(turn_id, false);
  if (answers.begin(turn_id, reply)) catchUp(); // how many versions there are is the server's to say
}

// What the person does

turns.addEventListener("click", (event) => actOn(event, (button) => thread.viewAround(button)));
for (const type of ["pointerover", "pointerdown", "focusin"]) turns.addEventListener(type, prepareFor, { passive: true });
onAct("copy", copyAnswer);
onAct("code-report", (_view, button) => toggleCodeReport(button));
onAct("copy-code", (view, button) => copyCode(button.closest("figure"), view));
onAct("wrap-code", (_view, button) => toggleWrap(button));
onAct("edit", edit);
for (const name of ["retry", "regenerate"]) onAct(name, (view) => answers.startOver(view, tell));
onAct("continue", (view) => answers.goOn(view, tell));
onActLater(["fork"], async () => (await import("./fork.js")).startForks(address));
onAct("select", (_view, button) => catchingUp.select(button.dataset.to, button));
onAct("followup", (_view, button) => send(button.textContent, { origin: "followup" }));
onAct("send-unsent", (view) => {
  sending.sendUnsent(thread.turnIdOf(view));
  scroll.toEnd({ smooth: true });
});
onAct("edit-unsent", (view) => sending.editUnsent(thread.turnIdOf(view)));
onAct("delete-unsent", (view) => sending.drop(thread.turnIdOf(view)));
onActLater(["appeal", "report"], async () => (await import("./review.js")).startReviews());

/** The changed question is another version beside the old one, and the talk goes on from there. */
function edit(view) {
  if (thread.active || sending.waiting) {
    composer.say(gettext("Please wait until this answer is finished, or stop it."));
    return;
  }
  const parent = thread.parentOf(view);
  scroll.letGo();
  const turn = view.element.closest(".turn");
  editQuestion(turn, (text) => {
    send(text, { parent, attachments: attachedTo(turn) });
    composer.focus();
  });
}

function copyLastCode() {
  const figure = [...turns.querySelectorAll("figure.code")].at(-1);
  if (figure) copyCode(figure, thread.viewAround(figure));
}

document.addEventListener("shortcut", (event) => {
  const acts = { copy_answer: () => copyAnswer(thread.lastStored), copy_code: copyLastCode };
  if (!acts[event.detail]) return;
  event.preventDefault();
  acts[event.detail]();
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || isOfTheInputMethod(event)) return;
  if (event.key === "Escape" && !event.shiftKey && !document.querySelector("dialog[open], :popover-open")) stop();
  if (event.key === "ArrowUp" && event.target.id === "message" && !composer.text && thread.lastStored) {
    event.preventDefault();
    edit(thread.lastStored);
  }
});

page.addEventListener("click", (event) => {
  const starter = event.target.closest("[data-prompt]");
  if (!starter) return;
  send(starter.dataset.prompt, { origin: "starter" });
  composer.focus();
});

const shareButton = document.querySelector("[data-share-open]");
if (shareButton) {
  // A rule with `body:has()` would do, and ask a long chat for all its styles again at each word.
  const show = () => (shareButton.hidden = page.matches("[data-empty], [data-temporary]"));
  new MutationObserver(show).observe(page, { attributeFilter: ["data-empty", "data-temporary"] });
  shareButton.addEventListener("click", () => {
    const failed = () => composer.say(gettext("This did not get through. Please try again."));
    import("./share.js").then(({ openShareDialog }) => openShareDialog(conversation()), failed);
  });
}

// Begin

new ResizeObserver(([entry]) => {
  document.documentElement.style.setProperty("--composer-height", `${entry.borderBoxSize[0].blockSize}px`);
  scroll.settle();
}).observe(document.querySelector(".dock"));

showConnection(document.getElementById("connection"), socket);
showLimits(document.getElementById("limits"), socket);
showAbsence(document.getElementById("model-away"), { socket, turns, address: page.dataset.modelUrl });
startQueuePlace(turns);
startSources(turns);
startSteps(turns);
startOpinions(turns, document.getElementById("composer"));
startTemporary({
  onLeave: () => (composer.text = ""),
  onErased: () => composer.say(gettext("This temporary chat has ended. Nothing of it can be read any more. Reload the page to begin anew.")),
});
const { leadsTo } = page.dataset;
const chosen = leadsTo ? post(address("select/"), { turn: leadsTo }) : Promise.resolve(); // the branch that is looked at
sending.restore();
answers.followActive();
changed();
if (leadsTo) {
  const words = new URLSearchParams(location.search).get("q");
  const found = { words, passage: page.dataset.passage };
  import("./leading.js").then(({ lead }) => lead(turns, reading, leadsTo, found), () => scroll.toEnd());
} else if (thread.last) {
  scroll.toEnd();
}
