// What a person sends. It is shown at once, kept in the outbox until the server has stored it, and stays in sight where
// that is not possible.
//
//   const sending = new Sending({ thread, socket, composer, attaching, changed(), catchUp() });
//   sending.send(text);      a new turn      sending.queueUp(text);   one that waits for the answer being written
//   sending.tell(command);   now or never

import { announce } from "./announce.js";
import { conversation } from "./conversation.js";
import { gettext } from "./i18n.js";
import { newId } from "./ids.js";
import * as outbox from "./outbox.js";
import { post } from "./post.js";
import { isTemporary } from "./temporary.js";

const SHOWN_AS_WAITING_MS = 1_500;
const page = document.getElementById("chat");

export class Sending {
  #thread;
  #socket;
  #composer;
  #attaching;
  #changed;
  #catchUp;

  constructor({ thread, socket, composer, attaching, changed, catchUp }) {
    this.#thread = thread;
    this.#socket = socket;
    this.#composer = composer;
    this.#attaching = attaching;
    this.#changed = changed;
    this.#catchUp = catchUp;
  }

  /** The newest turn of this page that the server has not stored yet. */
  get waiting() {
    return outbox.ofThisPage(conversation()).findLast((entry) => entry.type === "send" && !outbox.isUnsent(entry));
  }

  /** `origin` is what was clicked to send it: "starter" or "followup". With a `parent` it is a version of another one. */
  send(text, { turnId = newId(), parent, attachments = this.#attaching.take(), origin } = {}) {
    const place = { parent: parent === undefined ? (this.#thread.lastStored?.id ?? null) : parent, is_version: parent !== undefined };
    const entry = { type: "send", turn_id: turnId, ...written(text, attachments), ...place, origin };
    outbox.put(entry);
    this.#show(entry);
    if (page.dataset.person) this.#socket.send(outbox.command(entry));
    else this.#becomeSomebody();
  }

  /** It waits on the server until the answer that is being written is done; of the first one the id comes first. */
  queueUp(text, { turnId = newId(), attachments = this.#attaching.take() } = {}) {
    const entry = { type: "queue", turn_id: turnId, ...written(text, attachments) };
    outbox.put(entry);
    if (entry.conversation) this.#socket.send(outbox.command(entry));
    announce(gettext("Your message is sent when this answer is finished"));
    setTimeout(() => outbox.has(turnId) && this.#show(outbox.get(turnId)), SHOWN_AS_WAITING_MS);
  }

  /** Tell the server now, or say why that is not possible. */
  tell(command) {
    const isTold = this.#socket.send(command);
    if (!isTold) this.#composer.say(gettext("There is no connection right now. Please try again in a moment."));
    return isTold;
  }

  /** A queued message is to be changed: it leaves the queue, and when the server says so it is in the field. */
  wantBack(turnId, text, attachments) {
    const isTold = this.tell({ type: "unqueue", turn_id: turnId });
    if (isTold) outbox.put({ type: "unqueue", turn_id: turnId, ...written(text, attachments) });
  }

  /** The page is loaded: show what its tab, or one that is gone, wrote and never heard of. */
  restore() {
    outbox.claim(conversation());
    for (const entry of outbox.ofThisPage(conversation())) {
      if (this.#thread.has(entry.turn_id)) outbox.take(entry.turn_id);
      else this.#show(entry);
    }
    if (page.dataset.person) this.#socket.open();
    else if (this.waiting) this.#becomeSomebody();
  }

  /** There is a connection: send what was written a moment ago, and ask about the rest. */
  resume() {
    for (const entry of outbox.toSend()) this.#socket.send(outbox.command(entry));
    for (const entry of outbox.ofThisPage(conversation()).filter(outbox.isUnsent)) this.#showUnsent(entry);
  }

  /** The server has stored a turn, and knows its conversation. */
  stored(turnId, id) {
    const entry = outbox.get(turnId);
    outbox.take(turnId);
    if (entry?.type === "queue") this.#thread.remove(turnId); // where it stands is for the server to say
    if (entry?.conversation === null) for (const next of outbox.adopt(id)) this.#socket.send(outbox.command(next));
  }

  /** The server has these in its queue, which shows them. */
  queued(turnIds) {
    for (const turnId of turnIds.filter((id) => outbox.get(id)?.type === "queue")) this.drop(turnId);
  }

  /** A message has left the queue: because it was sent, or because somebody wants to change or remove it. */
  unqueued(turnId, isSent) {
    const entry = outbox.get(turnId);
    if (entry?.type === "unqueue" && !isSent && entry.conversation !== conversation()) {
      outbox.refuse(turnId); // it is shown where it was written
      return;
    }
    outbox.take(turnId);
    if (isSent) this.#composer.say(gettext("This message was sent a moment ago."));
    else if (entry?.type === "unqueue") this.#giveBack(entry);
    else announce(gettext("Message removed"));
  }

  /** The person wants it sent, however old it is: at the end, unless it is a version of another one. */
  sendUnsent(turnId) {
    if (!outbox.has(turnId)) return this.drop(turnId); // another tab was faster
    const { type, text, parent, attachments, origin, is_version: isVersion } = outbox.get(turnId);
    const again = { turnId, attachments, origin };
    const waits = type === "queue" || this.#thread.active || this.waiting;
    this.#thread.remove(turnId);
    outbox.take(turnId);
    if (waits && (conversation() || this.waiting)) this.queueUp(text, again);
    else this.send(text, isVersion ? { ...again, parent } : again);
    if (isVersion && this.#thread.has(turnId)) this.#thread.markReplacement(turnId, true);
    this.#changed();
  }

  /** The person wants to change it first: it stands before what is in the field. */
  editUnsent(turnId) {
    const entry = outbox.get(turnId);
    this.drop(turnId);
    if (entry) this.#giveBack(entry);
  }

  /** Take a message off the page that is not stored, and bring back what it would have replaced. */
  drop(turnId) {
    outbox.take(turnId);
    const wasReplacement = this.#thread.isReplacement(turnId);
    this.#thread.remove(turnId);
    if (!this.#thread.last && !conversation()) page.dataset.empty = "";
    if (wasReplacement) this.#catchUp();
    this.#changed();
  }

  /** The server did not take it. Its text goes back into the field if nothing else is there; else the person decides. */
  takeBack(turnId, reason, code = "") {
    const entry = outbox.get(turnId);
    this.#composer.say(reason, code);
    if (!entry) return;
    const isHere = entry.conversation === conversation();
    const isGone = code === "not_found";
    const together = isHere && !conversation() ? outbox.ofThisPage(null) : [entry]; // without the first there is no next
    const isAlone = isHere && outbox.ofThisPage(conversation()).length === 1;
    if (isAlone && !isGone && !this.#composer.text.trim() && this.#attaching.isEmpty) {
      this.editUnsent(turnId);
      return;
    }
    for (const { turn_id: id } of together) {
      outbox.refuse(id, { isGone });
      if (isHere) this.#showUnsent(outbox.get(id));
    }
    this.#changed();
  }

  #giveBack({ text, attachments }) {
    this.#composer.text = [text, this.#composer.text].filter(Boolean).join("\n");
    this.#attaching.put(attachments);
    this.#composer.focus();
  }

  #show(entry) {
    if (this.#thread.has(entry.turn_id)) return;
    const { turn_id: turnId, text, parent, attachments } = entry;
    const isUnsent = outbox.isUnsent(entry);
    delete page.dataset.empty;
    const turn = this.#thread.add(turnId, text, parent, { replaces: entry.type === "send" && !isUnsent });
    this.#attaching.show(turn, attachments);
    this.#thread.showUnsent(turnId, isUnsent);
    if (!isUnsent) setTimeout(() => this.#thread.showWaiting(turnId, outbox.has(turnId)), SHOWN_AS_WAITING_MS);
    this.#changed();
  }

  #showUnsent(entry) {
    const { turn_id: turnId } = entry;
    this.#show(entry);
    this.#thread.showWaiting(turnId, false);
    this.#thread.showUnsent(turnId, true);
    if (!this.#thread.isReplacement(turnId)) return;
    this.#thread.markReplacement(turnId, false);
    this.#catchUp();
  }

  /** A newcomer is given a guest's name tag before the socket opens; everything waiting is sent then. */
  async #becomeSomebody() {
    const response = await post(page.dataset.guestUrl);
    if (response?.ok) {
      page.dataset.person = "guest";
      this.#socket.open();
      return;
    }
    const [entry] = outbox.ofThisPage(conversation());
    if (entry) this.takeBack(entry.turn_id, gettext("The message could not be sent. Please try again."));
  }
}

function written(text, attachments) {
  return { conversation: conversation(), text, temporary: isTemporary(), attachments };
}
