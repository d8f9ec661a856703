// What is written and not sent yet, with the files beside it. Each tab has its own draft of a conversation, so none is
// overwritten or sent away by another; one whose tab is gone belongs to the next tab that opens the conversation.
//
//   const draft = new Draft("drafts.…");   draft.text = "Half a thou";   draft.documents = [{ id, title }];

import { tab } from "./ids.js";
import { load, remove, save } from "./store.js";

const TAB_IS_GONE_MS = 24 * 3_600_000; // of one that could not say goodbye
const NOTHING = { text: "", documents: [] };

export class Draft {
  #key;
  #written = NOTHING;

  constructor(key) {
    this.#key = key;
    addEventListener("pagehide", () => this.#store(this.#drafts.map((draft) => (isOwn(draft) ? { ...draft, isLeft: true } : draft))));
  }

  /** This tab's own is there again, or one that is nobody's and is taken over, unless something is written already. */
  take({ isWritten = false } = {}) {
    const drafts = this.#drafts;
    const taken = drafts.find(isOwn) ?? (isWritten ? undefined : drafts.findLast(isNobodys));
    if (!taken) return;
    this.#store(drafts.filter((draft) => draft !== taken));
    this.#write({ text: taken.text, documents: taken.documents ?? [] });
  }

  get text() {
    return this.#written.text;
  }

  set text(text) {
    this.#write({ ...this.#written, text });
  }

  get documents() {
    return this.#written.documents;
  }

  set documents(documents) {
    this.#write({ ...this.#written, documents });
  }

  /** The conversation has got its id: the draft is there from now on. */
  moveTo(key) {
    const written = this.#written;
    this.#write(NOTHING);
    this.#key = key;
    this.#write(written);
  }

  #write(written) {
    this.#written = written;
    const others = this.#drafts.filter((draft) => !isOwn(draft));
    const isEmpty = !written.text && !written.documents.length;
    this.#store(isEmpty ? others : [...others, { ...written, tab, at: Date.now() }]);
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
