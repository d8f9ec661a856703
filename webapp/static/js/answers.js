// The answers that are being written: begun when their message is stored, followed until they end, stopped, continued.
//
//   const answers = new Answers({ thread, socket, scroll, changed(), ended() });

import { announce } from "./announce.js";
import { Followed } from "./follow.js";
import { gettext, interpolate, ngettext } from "./i18n.js";

export class Answers {
  #thread;
  #socket;
  #scroll;
  #changed;
  #ended;
  #followed;
  #toStop = new Set(); // answers, and turns without one yet, to stop as soon as the server can be told
  #toContinue = new Set(); // turns whose next answer begins with what is shown

  constructor({ thread, socket, scroll, changed, ended }) {
    this.#thread = thread;
    this.#socket = socket;
    this.#scroll = scroll;
    this.#changed = changed;
    this.#ended = ended;
    this.#followed = new Followed(socket);
  }

  /** The server has stored a turn: its answer has an id. Says whether it is one of several versions. */
  begin(turnId, reply) {
    let view = this.#thread.answerTo(turnId);
    const isVersion = this.#thread.isReplacement(turnId) || Boolean(view.id && view.id !== reply);
    if (view.id !== reply) {
      if (view.id) view = this.#thread.replaceAnswer(turnId, { keepsText: this.#toContinue.delete(turnId) });
      view.begin(reply);
    }
    if (this.#toStop.delete(turnId)) this.#toStop.add(reply);
    this.follow(view);
    return isVersion;
  }

  follow(view) {
    this.#followed.add(view);
    this.#changed();
    if (this.#toStop.has(view.id)) this.stop();
  }

  followAnew(view) {
    view.outdate();
    this.follow(view);
  }

  /** The turns on the page are others than before. */
  followActive() {
    this.#followed.prune();
    for (const view of this.#thread.views) {
      if (view.id && view.isActive && !this.#followed.get(view.id)) this.follow(view);
    }
  }

  /** Show what the server says of an answer. */
  show(message) {
    const view = this.#followed.get(message.reply);
    if (!view) return;
    this.#followed.heard(view.id);
    const wasWriting = view.numWords > 0;
    if (!view.apply(message)) return;
    if (!wasWriting && view.numWords > 0 && view.isActive) announce(gettext("Answer started"));
    if (!view.isActive) this.#finished(view);
    this.#scroll.grown();
  }

  /** Stop the answer that is being written; or, as soon as there is one, that of the turn `waitingId`. */
  stop(waitingId) {
    const view = this.#thread.active;
    const target = view?.id ?? waitingId;
    if (!target) return;
    this.#toStop.add(target);
    if (view) this.#socket.send({ type: "stop", reply: view.id });
  }

  /** There is a connection again. */
  resume() {
    for (const id of this.#toStop) if (this.#followed.get(id)) this.#socket.send({ type: "stop", reply: id });
  }

  /** The next answer to this turn begins with the text of this one; `tell` says whether the server was asked. */
  goOn(view, tell) {
    this.#toContinue.add(this.#thread.turnIdOf(view));
    if (!tell({ type: "continue", reply: view.id })) this.#toContinue.clear();
  }

  /** The next answer to this turn begins with nothing, whatever became of going on: that may have been refused. */
  startOver(view, tell) {
    this.#toContinue.delete(this.#thread.turnIdOf(view));
    tell({ type: "retry", reply: view.id });
  }

  #finished(view) {
    this.#followed.remove(view.id);
    this.#toStop.delete(view.id);
    this.#changed();
    this.#ended();
    const words = ngettext("Answer finished, %(num)s word", "Answer finished, %(num)s words", view.numWords);
    const outcomes = {
      done: interpolate(words, { num: view.numWords }, true),
      cancelled: gettext("Answer stopped"),
      blocked: gettext("The answer was withheld"),
      failed: gettext("The answer failed"),
    };
    announce(outcomes[view.state]);
  }
}
