// Where a message is written. The draft is kept until it is sent.
//
//   <form id="composer"> <div id="composer-notice" hidden> <textarea id="message"> <button id="queue-button" hidden>
//     <button id="send" data-mode="send">
//   new Composer({ form, maxChars, draftKey, onSend(text), onStop() })

import { Draft } from "./drafts.js";
import { interpolate, ngettext } from "./i18n.js";
import { isOfTheInputMethod } from "./keys.js";

const COUNT_FROM = 0.9;
const isTouch = matchMedia("(pointer: coarse)");

export class Composer {
  #form;
  #field;
  #button;
  #queueButton;
  #count;
  #notice;
  #maxChars;
  #draft;
  #onSend;
  #onStop;
  #canStop = false;
  #hold = "";

  constructor({ form, maxChars, draftKey, onSend, onStop }) {
    this.#form = form;
    this.#field = form.querySelector("#message");
    this.#button = form.querySelector("#send");
    this.#queueButton = form.querySelector("#queue-button");
    this.#count = form.querySelector("#message-count");
    this.#notice = form.querySelector("#composer-notice");
    this.#maxChars = maxChars;
    this.#draft = new Draft(draftKey);
    this.#onSend = onSend;
    this.#onStop = onStop;
    this.#queueButton.addEventListener("click", () => this.#send());
    form.addEventListener("submit", (event) => this.#submit(event));
    form.querySelector(".composer-box").addEventListener("click", (event) => event.target === event.currentTarget && this.#field.focus());
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#draft.take({ isWritten: Boolean(this.#field.value) });
    this.#field.value ||= this.#draft.text;
    this.#changed();
  }

  get text() {
    return this.#field.value;
  }

  /** Put text into the field, ready to be changed and sent. */
  set text(text) {
    this.#field.value = text;
    this.#changed();
  }

  /** What is written here, and what goes with it. */
  get draft() {
    return this.#draft;
  }

  /** On a touch screen this would call up the keyboard over what is to be read. */
  focus() {
    if (!isTouch.matches) this.#field.focus();
  }

  /** The conversation has got its id: drafts belong to it from now on. */
  keepDraftAs(draftKey) {
    this.#draft.moveTo(draftKey);
  }

  /** Whether an answer is being written: then the button stops it, and what is sent waits for its end. */
  set canStop(canStop) {
    this.#canStop = canStop;
    this.#showButton();
  }

  /** Why nothing can be sent for a moment; "" if it can. */
  set hold(reason) {
    if (reason === this.#hold) return;
    if (!reason) this.say("");
    this.#hold = reason;
    this.#showButton();
  }

  /** Say why something was not possible; an empty text takes the notice away. Who is suspended can ask for a review. */
  say(text, code = "") {
    this.#notice.hidden = !text;
    this.#notice.querySelector("[data-part=text]").textContent = text;
    this.#notice.querySelector("[data-part=appeal]").hidden = code !== "suspended";
  }

  #submit(event) {
    event.preventDefault();
    if (this.#canStop) this.#onStop();
    else this.#send();
  }

  #send() {
    const text = this.#field.value.trim();
    if (!text || text.length > this.#maxChars) return;
    this.say(this.#hold);
    if (this.#hold) return;
    this.#onSend(text);
    this.text = "";
    if (isTouch.matches) this.#field.blur();
    else this.focus();
  }

  /** On a screen's keyboard Enter breaks the line; whoever has another one sends with Ctrl or ⌘. */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || isOfTheInputMethod(event)) return;
    if (isTouch.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#send();
  }

  #changed() {
    this.#showCount();
    this.#showButton();
    this.#draft.text = this.text;
  }

  /** What stands beside the field takes room from it, so that comes first. */
  #grow() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #showCount() {
    const left = this.#maxChars - this.#field.value.trim().length;
    this.#count.hidden = left > this.#maxChars * (1 - COUNT_FROM);
    // Text that changes may match `:has(:empty)`, so the styles of a whole long chat are asked for again at each key.
    if (this.#count.hidden) return;
    this.#count.toggleAttribute("data-over", left < 0);
    const num = Math.abs(left);
    const text = left < 0 ? ngettext("%(num)s too many", "%(num)s too many", num) : ngettext("%(num)s left", "%(num)s left", num);
    this.#count.textContent = interpolate(text, { num }, true);
  }

  #showButton() {
    const mode = this.#canStop ? "stop" : "send";
    const length = this.#field.value.trim().length;
    const canSend = length > 0 && length <= this.#maxChars && !this.#hold;
    this.#button.dataset.mode = mode;
    this.#button.disabled = mode === "send" && !canSend;
    this.#queueButton.hidden = mode === "send" || !canSend;
    const { labelStop, labelSend } = this.#button.dataset;
    this.#button.setAttribute("aria-label", mode === "stop" ? labelStop : this.#hold || labelSend);
    this.#grow();
  }
}
