// The turns on the page, oldest first: finds them, adds them, and takes over what the server rendered.
//
//   <div id="turns"><article class="turn" data-turn="…">…</article> …</div>   <template id="blank-turn">

import { showLanguage } from "./language.js";
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

  get #turns() {
    return [...this.#list.querySelectorAll(".turn")];
  }

  get last() {
    return this.views.at(-1);
  }

  /** The newest answer that the server knows. */
  get lastStored() {
    return this.views.findLast((view) => view.id);
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

  turnIdOf(view) {
    return view.element.closest(".turn").dataset.turn;
  }

  /** It is sent after all, perhaps in the place of another one; or it stands beside that. */
  markReplacement(turnId, replaces) {
    this.#turn(turnId).toggleAttribute("data-replaces", replaces);
  }

  /** Whether this question was sent in the place of another one, and the server has not said how many there are. */
  isReplacement(turnId) {
    return "replaces" in (this.#turn(turnId)?.dataset ?? {});
  }

  parentOf(view) {
    return view.element.closest(".turn").dataset.parent || null;
  }

  /** A question on its way. It takes the place of what stands at the same parent, and of all that follows, but for
   * one that may never be sent. Its answer is shown once the server has stored it. */
  add(turnId, text, parent, { replaces = true } = {}) {
    const stored = this.#turns.filter(replyId);
    const replaced = replaces && stored.find((turn) => turn.dataset.parent === (parent ?? ""));
    if (replaced) this.#removeFrom(replaced);
    const turn = this.#blank.content.querySelector(".turn").cloneNode(true);
    turn.dataset.turn = turnId;
    turn.dataset.parent = parent ?? "";
    if (replaced) turn.dataset.replaces = "";
    turn.classList.toggle("turn-new", replaces);
    turn.querySelector("[data-part=question]").textContent = text;
    showLanguage(turn.querySelector("[data-part=question]"));
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

  /** It was not sent, and will not be unless the person says so. */
  showUnsent(turnId, isUnsent) {
    const state = this.#turn(turnId)?.querySelector("[data-part=unsent]");
    if (state) state.hidden = !isUnsent;
  }

  /** A new answer to the same question takes the place of the old one, and nothing follows it yet. */
  replaceAnswer(turnId, { keepsText = false } = {}) {
    const turn = this.#turn(turnId);
    const old = this.#viewOf(turn.querySelector(".reply"));
    const element = this.#blank.content.querySelector(".reply").cloneNode(true);
    old.element.replaceWith(element);
    if (turn.nextElementSibling) this.#removeFrom(turn.nextElementSibling);
    const fresh = this.#viewOf(element);
    if (keepsText) fresh.body.replaceChildren(...old.body.childNodes);
    return fresh;
  }

  /** Make the page equal to what the server rendered: all turns of the window, or those after the reply `after`.
   * What is shown already stays in its place, as it is; so does what is still on its way. */
  merge(html, after = "") {
    const rendered = fragment(html);
    const start = after ? this.#list.querySelector(`[data-reply="${CSS.escape(after)}"]`).closest(".turn") : null;
    const old = new Map();
    for (let turn = start ? start.nextElementSibling : this.#list.firstElementChild; turn; turn = turn.nextElementSibling) {
      old.set(turn.dataset.turn ?? "earlier", turn);
    }
    const taken = new Set();
    let last = start;
    for (const turn of [...rendered.querySelectorAll(".earlier, .turn")]) {
      const shown = turn.dataset.turn ? this.#turn(turn.dataset.turn) : null;
      taken.add(turn.dataset.turn);
      const stays = shown && replyId(shown) === replyId(turn);
      if (stays) takeVersions(shown, turn);
      const placed = stays ? shown : turn;
      if (stays) old.delete(turn.dataset.turn);
      const next = last ? last.nextElementSibling : this.#list.firstElementChild;
      if (next !== placed) this.#list.insertBefore(placed, next);
      last = placed;
    }
    for (const turn of old.values()) {
      const isOnItsWay = turn.querySelector(".reply[data-state=sending]") && !taken.has(turn.dataset.turn);
      if (isOnItsWay) this.#list.append(turn);
      else turn.remove();
    }
  }

  /** Earlier turns, which the server rendered, take the place of the button that asked for them. */
  prepend(html) {
    this.#list.querySelector(".earlier")?.remove();
    const turns = [...fragment(html).querySelectorAll(".earlier, .turn")];
    for (const turn of turns) turn.classList.toggle("turn-earlier", turn.matches(".turn")); // costs nothing out of sight
    this.#list.prepend(...turns.filter((turn) => !turn.dataset.turn || !this.has(turn.dataset.turn)));
  }

  #removeFrom(turn) {
    while (turn.nextElementSibling) turn.nextElementSibling.remove();
    turn.remove();
  }

  #turn(turnId) {
    return this.#list.querySelector(`[data-turn="${CSS.escape(turnId)}"]`);
  }

  #viewOf(element) {
    if (!this.#views.has(element)) {
      this.#views.set(element, new ReplyView(element));
      showLanguage(element.closest(".turn").querySelector("[data-part=question]"));
    }
    return this.#views.get(element);
  }
}

function fragment(html) {
  const rendered = document.createElement("template");
  rendered.innerHTML = html;
  return rendered.content;
}

function takeVersions(shown, rendered) {
  for (const name of ["question-versions", "answer-versions"]) {
    const part = (turn) => turn.querySelector(`[data-part=${name}]`);
    if (part(shown).innerHTML !== part(rendered).innerHTML) part(shown).replaceChildren(...part(rendered).childNodes);
  }
}

function replyId(turn) {
  return turn.querySelector(".reply").dataset.reply;
}
