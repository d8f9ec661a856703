// Writes what is spoken into the message field, where the browser can listen. It is sent by the person, not by itself.
//
//   <button id="dictate" aria-pressed="false" hidden>   <p id="dictation" role="status" hidden>   <textarea>

import { gettext } from "./i18n.js";

const isTouch = matchMedia("(pointer: coarse)");
const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;

export class Dictation {
  #button;
  #field;
  #says;
  #recognition = null;
  #before = "";
  #problem = "";

  constructor(form) {
    this.#button = form.querySelector("#dictate");
    this.#field = form.querySelector("#message");
    this.#says = form.querySelector("#dictation");
    form.addEventListener("submit", () => this.#abandon());
    this.#field.addEventListener("input", (event) => event.isTrusted && this.#abandon()); // whoever types has the word
    // Before the page hears it: Escape would also stop the answer that is being written.
    document.addEventListener("keydown", (event) => this.#key(event), { capture: true });
  }

  /** For a press of its button. */
  toggle() {
    if (this.#recognition) this.#recognition.stop();
    else this.#start();
  }

  #key(event) {
    if (!this.#recognition) return;
    if (event.key === "Enter" && event.target === this.#field) this.#abandon();
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.#recognition.stop();
  }

  #start() {
    const recognition = new Recognition();
    Object.assign(recognition, { lang: spokenLanguage(), interimResults: true, continuous: true });
    this.#before = this.#field.value.trimEnd();
    this.#problem = "";
    recognition.onresult = ({ results }) => recognition === this.#recognition && this.#write(results);
    recognition.onerror = ({ error }) => (this.#problem = reason(error));
    recognition.onend = () => recognition === this.#recognition && this.#ended();
    this.#recognition = recognition;
    this.#button.setAttribute("aria-pressed", true);
    this.#say(gettext("Listening… Your browser turns speech into words; some send it to their maker for that."));
    recognition.start();
  }

  /** All that was heard since the start, what is not certain yet included. */
  #write(results) {
    const heard = [...results].map(([best]) => best.transcript.trim()).filter(Boolean);
    this.#field.value = [this.#before, ...heard].filter(Boolean).join(" ");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** The message is on its way, or is changed by hand: what is heard later is not part of it. */
  #abandon() {
    if (!this.#recognition) return;
    const recognition = this.#recognition;
    this.#ended();
    recognition.abort();
  }

  #ended() {
    this.#recognition = null;
    this.#button.setAttribute("aria-pressed", false);
    this.#say(this.#problem);
    if (!isTouch.matches) this.#field.focus(); // there the keyboard would come up
  }

  #say(text) {
    this.#says.textContent = text;
    this.#says.hidden = !text;
  }
}

/** The language of the last question, else that of the page; as it is spoken where the person lives, if they said so. */
function spokenLanguage() {
  const asked = [...document.querySelectorAll("[data-part=question][lang]")].at(-1);
  const language = asked?.lang ?? document.documentElement.lang;
  return navigator.languages.find((own) => own.split("-")[0] === language) ?? language;
}

function reason(error) {
  if (error === "not-allowed" || error === "service-not-allowed") {
    return gettext("The browser may not use the microphone here. You can allow it in the settings of your browser.");
  }
  if (error === "no-speech" || error === "aborted") return "";
  return gettext("Dictation does not work right now.");
}
