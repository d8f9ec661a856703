// The turns on the page, oldest first: finds them, adds them, and takes over what the server rendered.
//
//   <div id="turns"><article class="turn" data-turn="…">…</article> …</div>   <template id="blank-turn">

import { ReplyView } from "./reply.js";

export class Thread {
  #list;
  #blank;
  #views = new WeakMap();

  constructor(list, blank) {
    this.#list = list;
    this.#blank = blank;
  }

  get views() {
    return [...this.#list.querySelectorAll(".reply")].map((element) => this.#viewOf(element));
  }

  get last() {
    return this.views.at(-1);
  }

  get active() {
    return this.views.findLast((view) => view.isActive);
  }

  has(turnId) {
    return this.#turn(turnId) !== null;
  }

  /** The view of a turn's answer, or undefined. */
  answerTo(turnId) {
    const turn = this.#turn(turnId);
    return turn ? this.#viewOf(turn.querySelector(".reply")) : undefined;
  }

  viewAround(element) {
    const reply = element.closest(".turn")?.querySelector(".reply");
    return reply ? this.#viewOf(reply) : undefined;
  }

  questionOf(view) {
    return view.element.closest(".turn").querySelector("[data-part=question]").textContent;
  }

  /** A question on its way. Its answer is shown once the server has stored it. */
  add(turnId, text) {
    const turn = this.#blank.content.querySelector(".turn").cloneNode(true);
    turn.dataset.turn = turnId;
    turn.classList.add("turn-new");
    turn.querySelector("[data-part=question]").textContent = text;
    this.#list.append(turn);
    return turn;
  }

  remove(turnId) {
    this.#turn(turnId)?.remove();
  }

  showWaiting(turnId, isWaiting) {
    const state = this.#turn(turnId)?.querySelector("[data-part=sending]");
    if (state) state.hidden = !isWaiting;
  }

  /** A new answer to the same question takes the place of the old one. */
  replaceAnswer(turnId) {
    const fresh = this.#blank.content.querySelector(".reply").cloneNode(true);
    this.#turn(turnId).querySelector(".reply").replaceWith(fresh);
    return this.#viewOf(fresh);
  }

  /** Take over turns rendered by the server, where they are new or have another answer than the one shown. */
  merge(html) {
    const rendered = document.createElement("template");
    rendered.innerHTML = html;
    for (const turn of rendered.content.querySelectorAll(".turn")) {
      const shown = this.#turn(turn.dataset.turn);
      if (!shown) this.#list.append(turn);
      else if (replyId(shown) !== replyId(turn)) shown.replaceWith(turn);
    }
  }

  #turn(turnId) {
    return this.#list.querySelector(`[data-turn="${CSS.escape(turnId)}"]`);
  }

  #viewOf(element) {
    if (!this.#views.has(element)) this.#views.set(element, new ReplyView(element));
    return this.#views.get(element);
  }
}

function replyId(turn) {
  return turn.querySelector(".reply").dataset.reply;
}
