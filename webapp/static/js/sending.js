// What a person sends. It is shown at once, kept in the outbox until the server has stored it, and given back where
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

  /** The newest message of this page that the server has not stored yet. */
  get waiting() {
    return outbox.ofThisPage(conversation()).filter((entry) => !outbox.isOld(entry)).at(-1);
  }

  /** `origin` is what was clicked to send it: "starter" or "followup". */
  send(text, { parent = this.#thread.lastStored?.id ?? null, attachments = this.#attaching.take(), origin } = {}) {
    const written = { turn_id: newId(), conversation: conversation(), parent, text, temporary: isTemporary(), origin };
    const entry = { type: "send", ...written, attachments };
    outbox.put(entry);
    this.#show(entry);
    this.#goOut(entry);
  }

  /** It waits on the server until the answer that is being written is done. Says whether it could be told. */
  queueUp(text) {
    if (!conversation() || !this.#socket.isReady) {
      this.#composer.say(gettext("There is no connection right now. Your message stays here."));
      return false;
    }
    const attachments = this.#attaching.take();
    const entry = { type: "queue", turn_id: newId(), conversation: conversation(), text, attachments };
    outbox.put(entry);
    this.#socket.send(outbox.command(entry));
    announce(gettext("Your message is sent when this answer is finished"));
    return true;
  }

  /** Tell the server now, or say why that is not possible. */
  tell(command) {
    const isTold = this.#socket.send(command);
    if (!isTold) this.#composer.say(gettext("There is no connection right now. Please try again in a moment."));
    return isTold;
  }

  /** The page is loaded: show what its tab, or one that is gone, wrote and never heard of. */
  restore() {
    for (const entry of outbox.ofThisPage(conversation())) {
      if (this.#thread.has(entry.turn_id)) outbox.take(entry.turn_id);
      else this.#show(entry);
    }
    if (page.dataset.person) this.#socket.open();
    else if (this.waiting) this.#becomeSomebody();
  }

  /** There is a connection: send what was written a moment ago, and ask about what is older. */
  resume() {
    for (const entry of outbox.toSend()) this.#socket.send(outbox.command(entry));
    for (const entry of outbox.ofThisPage(conversation()).filter(outbox.isOld)) {
      if (!this.#thread.has(entry.turn_id)) this.#show(entry);
      this.#thread.showWaiting(entry.turn_id, false);
      this.#thread.showUnsent(entry.turn_id, true);
    }
  }

  /** The person wants it sent, however old it is. */
  sendUnsent(turnId) {
    outbox.renew(turnId);
    this.#thread.showUnsent(turnId, false);
    this.#thread.markReplacement(turnId);
    this.#goOut(outbox.get(turnId));
    this.#changed();
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

  /** The server did not take it: its text goes back into the field. */
  takeBack(turnId, reason, code = "") {
    const entry = outbox.get(turnId);
    this.drop(turnId);
    if (entry && !this.#composer.text) this.#composer.text = entry.text;
    this.#attaching.put(entry?.attachments);
    this.#composer.say(reason, code);
    this.#composer.focus();
  }

  #show(entry) {
    if (entry.type === "queue") return;
    delete page.dataset.empty;
    const turn = this.#thread.add(entry.turn_id, entry.text, entry.parent, { replaces: !outbox.isOld(entry) });
    this.#attaching.show(turn, entry.attachments);
    this.#thread.showUnsent(entry.turn_id, outbox.isOld(entry));
    if (!outbox.isOld(entry)) {
      setTimeout(() => this.#thread.showWaiting(entry.turn_id, outbox.has(entry.turn_id)), SHOWN_AS_WAITING_MS);
    }
    this.#changed();
  }

  #goOut(entry) {
    if (page.dataset.person) this.#socket.send(outbox.command(entry));
    else this.#becomeSomebody();
  }

  /** A newcomer is given a guest's name tag before the socket opens; everything waiting is sent then. */
  async #becomeSomebody() {
    const response = await post(page.dataset.guestUrl);
    if (response?.ok) {
      page.dataset.person = "guest";
      this.#socket.open();
      return;
    }
    for (const entry of outbox.ofThisPage(conversation())) {
      this.takeBack(entry.turn_id, gettext("The message could not be sent. Please try again."));
    }
  }
}
