// Shows one answer: a snapshot, then the events of its log. It decides nothing: order, gaps and truth are the server's.
//
//   <div class="reply" data-reply="…" data-state="running" data-phase="writing" data-cursor="1-7">
//     <div data-part="body"><div class="block">…</div> …</div> <p data-part="error"> <ol data-part="sources">
//   </div>
//
// The style sheet shows and hides the parts by `data-state`, `data-phase` and `data-finish`. Modules that show parts of
// their own listen to "reply-changed" on the turns: its target is the reply, its detail the message.

import { showCodeReports } from "./code_reports.js";
import { decorateCode } from "./copy.js";
import { fadeIn, settle } from "./fade.js";
import { showLanguage } from "./language.js";
import { patchChildren } from "./patch.js";

const ACTIVE = new Set(["queued", "running"]);

export class ReplyView {
  constructor(element) {
    this.element = element;
    this.body = this.#part("body");
    for (const block of this.body.children) decorateCode(block);
    if (!this.body.querySelector(".code-badge")) showCodeReports(this.body, JSON.parse(element.dataset.codeReports));
    showLanguage(this.body);
  }

  get id() {
    return this.element.dataset.reply;
  }

  get state() {
    return this.element.dataset.state;
  }

  get cursor() {
    return this.element.dataset.cursor;
  }

  get isActive() {
    return ACTIVE.has(this.state);
  }

  get text() {
    return this.body.innerText.trim();
  }

  get numWords() {
    return this.body.textContent.split(/\s+/).filter(Boolean).length;
  }

  /** The message is stored: from now on the element stands for the reply `id`. */
  begin(id) {
    Object.assign(this.element.dataset, { reply: id, state: "queued", phase: "queued", cursor: "" });
  }

  /** What is shown may be old in a way that no event tells: the next subscription brings a snapshot. */
  outdate() {
    this.element.dataset.cursor = "";
  }

  /** What the person might ask next is found after the answer. */
  suggest(texts) {
    if (this.state === "done") this.#showFollowups(texts);
  }

  /** Apply one message of the server about this reply. Returns whether it changed what is shown. */
  apply(message) {
    if (message.type === "snapshot") this.#showSnapshot(message);
    else if (this.#isNews(message.cursor)) this.#applyEvent(message);
    else return false;
    this.element.dataset.cursor = message.cursor;
    if (!this.isActive) showLanguage(this.body);
    this.element.dispatchEvent(new CustomEvent("reply-changed", { detail: message, bubbles: true }));
    return true;
  }

  /** Events may come twice, for instance after subscribing anew. */
  #isNews(cursor) {
    if (!this.cursor) return true;
    const [epoch, index] = this.cursor.split("-").map(Number);
    const [newEpoch, newIndex] = cursor.split("-").map(Number);
    return newEpoch > epoch || (newEpoch === epoch && newIndex > index);
  }

  #showSnapshot({ state, phase, blocks, tail, citations, notices, code_reports, followups, finish_reason, error }) {
    const shown = tail ? [...blocks, tail] : blocks;
    shown.forEach((html, index) => this.#putBlock(index, html));
    this.#removeBlocksFrom(shown.length);
    this.#showSources(citations);
    this.#showNotices(notices);
    this.#showCodeReports(code_reports);
    this.#showFollowups(followups ?? []);
    this.#showError(error);
    Object.assign(this.element.dataset, { state, phase, finish: finish_reason ?? "" });
  }

  #applyEvent(event) {
    const { dataset } = this.element;
    switch (event.type) {
      case "status":
        Object.assign(dataset, { state: "running", phase: event.phase });
        break;
      case "citation":
        this.#putSource(event);
        break;
      case "block":
      case "tail":
        Object.assign(dataset, { state: "running", phase: "writing" });
        this.#putBlock(event.index, event.html, { fades: true });
        if (event.rest) this.#putBlock(event.index + 1, event.rest, { fades: true });
        this.#removeBlocksFrom(event.index + (event.rest ? 2 : 1));
        break;
      case "retract":
        this.#putBlock(0, event.html);
        this.#removeBlocksFrom(1);
        this.#showSources([]);
        this.#showNotices([]);
        this.#showCodeReports([]);
        this.#showFollowups([]);
        break;
      case "notices":
        this.#showNotices(event.notices);
        break;
      case "code_reports":
        this.#showCodeReports(event.reports);
        break;
      case "done":
        Object.assign(dataset, { state: event.state, finish: event.finish_reason });
        break;
      case "error":
        this.#showError(event);
        dataset.state = "failed";
        break;
    }
  }

  #putBlock(index, html, { fades = false } = {}) {
    while (this.body.children.length <= index) this.body.append(newBlock());
    const block = this.body.children[index];
    settle(block);
    const numOld = block.textContent.length;
    const wanted = document.createElement("template");
    wanted.innerHTML = html; // sanitised by the server, under a policy that runs no inline script
    decorateCode(wanted.content);
    patchChildren(block, wanted.content);
    if (fades) fadeIn(block, numOld);
  }

  #removeBlocksFrom(index) {
    while (this.body.children.length > index) this.body.lastElementChild.remove();
  }

  #showSources(sources) {
    const list = document.createElement("ol");
    list.append(...sources.map(sourceItem));
    patchChildren(this.#part("sources"), list);
  }

  #putSource(source) {
    const shown = this.#part("sources").children[source.number - 1];
    if (shown) shown.replaceWith(sourceItem(source));
    else this.#part("sources").append(sourceItem(source));
  }

  /** Where to find help stands before the answer, everything else after it. */
  #showNotices(notices) {
    const isHelp = ({ kind }) => kind === "help_lines";
    this.#fillNotices("help", notices.filter(isHelp));
    this.#fillNotices("notices", notices.filter((notice) => !isHelp(notice)));
  }

  #showCodeReports(reports) {
    this.element.dataset.codeReports = JSON.stringify(reports);
    showCodeReports(this.body, reports);
  }

  #fillNotices(part, notices) {
    const list = document.createElement("div");
    list.append(...notices.map(noticeBox));
    patchChildren(this.#part(part), list);
  }

  #showFollowups(texts) {
    const list = document.createElement("ul");
    list.append(...texts.map(followupItem));
    patchChildren(this.#part("followups"), list);
  }

  #showError(error) {
    this.#part("error").textContent = error?.text ?? "";
    this.element.querySelector("[data-do=retry]").hidden = !(error?.retry ?? true);
  }

  #part(name) {
    return this.element.querySelector(`[data-part=${name}]`);
  }
}

function newBlock() {
  const block = document.createElement("div");
  block.className = "block";
  block.dir = "auto";
  return block;
}

function followupItem(text) {
  const item = document.getElementById("blank-followup").content.firstElementChild.cloneNode(true);
  item.querySelector("button").textContent = text;
  return item;
}

function sourceItem({ number, title, url, excerpt }) {
  const item = document.getElementById("blank-source").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(`[data-part=${name}]`);
  part("link").href = url;
  part("number").textContent = number;
  part("title").textContent = part("heading").textContent = title;
  part("excerpt").textContent = excerpt;
  return item;
}

function noticeBox({ kind, html }) {
  const box = document.getElementById("blank-notice").content.firstElementChild.cloneNode(true);
  box.dataset.kind = kind;
  box.querySelector("[data-part=words]").innerHTML = html; // made by the server, under a policy that runs no inline script
  return box;
}
