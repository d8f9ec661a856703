// What goes with the next message: each file is sent into the library at once, and shown with how far it has come.
//
//   <ul id="attachments"><li class="attachment" data-state="sending|waiting|ready|failed"> title, progress, remove </li></ul>
//
// What is there is kept with the draft of this tab, so that a reload loses nothing.

import { announce } from "./announce.js";
import { gettext, interpolate } from "./i18n.js";
import { reading, upload } from "./uploads.js";

const MAX = 10;
const list = document.getElementById("attachments");
const icons = document.querySelector("#attach use").getAttribute("href").split("#")[0];

export class Attachments {
  #composer;
  #chips = new Set(); // {line, document or null, abort}

  constructor(composer) {
    this.#composer = composer;
    this.put(composer.draft.documents);
  }

  get isEmpty() {
    return this.#chips.size === 0;
  }

  add(files) {
    for (const file of files) {
      if (this.#isFull()) return;
      const sending = upload(file, (share) => (chip.line.querySelector("progress").value = share));
      const chip = this.#chip({ title: file.name, state: "sending", abort: sending.abort });
      this.#follow(chip, sending.done);
    }
    this.#composer.focus();
  }

  /** Documents of an earlier message, to go with the next one. */
  put(documents) {
    const present = new Set([...this.#chips].map((chip) => chip.document?.id));
    for (const document of documents.filter(({ id }) => !present.has(id))) {
      if (this.#isFull()) return;
      this.#follow(this.#chip({ title: document.title, state: "waiting", document }), Promise.resolve(document));
    }
  }

  /** What is ready goes with the message, and nothing stays behind; while something is on its way it all stays. */
  take() {
    if (this.#isBusy) return [];
    const documents = [...this.#chips].filter(isReady).map(({ document }) => ({ id: document.id, title: document.title }));
    this.clear();
    return documents;
  }

  clear() {
    for (const chip of this.#chips) this.#drop(chip);
  }

  /** Beside the question of a turn that this page has sent. */
  show(turn, documents) {
    turn.querySelector("[data-part=attachments]").replaceChildren(...documents.map(shown));
  }

  get #isBusy() {
    return [...this.#chips].some(({ line }) => ["sending", "waiting"].includes(line.dataset.state));
  }

  async #follow(chip, sent) {
    try {
      for await (const document of reading(await sent)) {
        if (!this.#chips.has(chip)) return;
        chip.document = document;
        if (!document) throw new Error(gettext("This file is not in your library any more."));
        if (document.state === "failed") throw new Error(document.reason);
        this.#set(chip, document.state, document.state === "waiting" ? gettext("Being read…") : "");
      }
      announce(interpolate(gettext("“%(title)s” is attached"), { title: chip.document.title }, true));
    } catch (error) {
      if (this.#chips.has(chip)) this.#set(chip, "failed", error.message);
    }
  }

  #isFull() {
    if (this.#chips.size < MAX) return false;
    this.#composer.say(interpolate(gettext("%(num)s files fit into one message."), { num: MAX }, true));
    return true;
  }

  #chip({ title, state, document: known = null, abort = () => {} }) {
    const line = document.createElement("li");
    line.className = "attachment";
    const about = document.createElement("div");
    const name = made("span", { className: "attachment-title", dir: "auto", textContent: title });
    const progress = made("progress", { max: 1, ariaLabel: interpolate(gettext("Sending %(name)s"), { name: title }, true) });
    about.append(name, state === "sending" ? progress : "", made("span", { className: "attachment-says", role: "status" }));
    const label = interpolate(gettext("Remove %(name)s"), { name: title }, true);
    const button = made("button", { className: "icon-button", type: "button", ariaLabel: label, title: label });
    button.append(icon("close"));
    line.append(icon("paperclip"), about, button);
    list.append(line);
    const chip = { line, document: known, abort };
    this.#chips.add(chip);
    button.addEventListener("click", () => {
      this.#drop(chip);
      this.#composer.focus();
    });
    this.#set(chip, state, "");
    return chip;
  }

  #drop(chip) {
    this.#chips.delete(chip);
    chip.abort();
    chip.line.remove();
    this.#changed();
  }

  #set(chip, state, says) {
    chip.line.dataset.state = state;
    chip.line.querySelector(".attachment-says").textContent = says;
    if (chip.document) chip.line.querySelector(".attachment-title").textContent = chip.document.title;
    if (state !== "sending") chip.line.querySelector("progress")?.remove();
    this.#changed();
  }

  #changed() {
    this.#composer.hold = this.#isBusy ? gettext("Your file is still being read. Then the message can be sent.") : "";
    const there = [...this.#chips].filter(({ document }) => document);
    this.#composer.draft.documents = there.map(({ document: { id, title } }) => ({ id, title }));
  }
}

function isReady({ line }) {
  return line.dataset.state === "ready";
}

function shown({ id, title }) {
  const link = made("a", { className: "attached", href: `/library/${id}/` });
  link.dataset.document = id;
  link.append(icon("paperclip"), made("span", { dir: "auto", textContent: title }));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.classList.add("icon");
  svg.ariaHidden = true;
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${icons}#${name}`);
  svg.append(use);
  return svg;
}
