// What is written and not sent yet. Each tab has its own draft of a conversation, so none is overwritten or sent away by
// another; one whose tab is gone belongs to the next tab that opens the conversation.
//
//   const draft = new Draft("drafts.…");   draft.text = "Half a thou";

import { tab } from "./ids.js";
import { load, remove, save } from "./store.js";

const TAB_IS_GONE_MS = 24 * 3_600_000; // of one that could not say goodbye

export class Draft {
  #key;

  constructor(key) {
    this.#key = key;
    addEventListener("pagehide", () => this.#store(this.#drafts.map((draft) => (isOwn(draft) ? { ...draft, isLeft: true } : draft))));
  }

  /** This tab's own, or one that is nobody's and is taken over. */
  take() {
    const drafts = this.#drafts;
    const taken = drafts.find(isOwn) ?? drafts.findLast(isNobodys);
    if (!taken) return "";
    this.#store(drafts.filter((draft) => draft !== taken));
    this.text = taken.text;
    return taken.text;
  }

  set text(text) {
    const others = this.#drafts.filter((draft) => !isOwn(draft));
    this.#store(text ? [...others, { tab, text, at: Date.now() }] : others);
  }

  /** The conversation has got its id: the draft is `text` there from now on. */
  moveTo(key, text) {
    this.text = "";
    this.#key = key;
    this.text = text;
  }

  get #drafts() {
    return load(this.#key, []);
  }

  #store(drafts) {
    if (drafts.length) save(this.#key, drafts);
    else remove(this.#key);
  }
}

function isOwn(draft) {
  return draft.tab === tab;
}

function isNobodys({ isLeft, at }) {
  return isLeft || Date.now() - at > TAB_IS_GONE_MS;
}
