// How much of the chat the assistant can keep in mind, at the composer, and in the chat where its summary ends.
//
//   <div id="gauge"><button class="gauge" data-dialog="…"> <details class="summarised" data-after="reply id" hidden></div>
//
// The server says both for the branch that is shown, by what was counted for its last answer. They come anew when that
// is another one, and when it hints that something was summarised.

import { address, conversation } from "./conversation.js";

export class Gauge {
  #element;
  #thread;
  #counted = null;
  #asked = 0;

  constructor(element, { thread }) {
    this.#element = element;
    this.#thread = thread;
  }

  /** The turns on the page are others than before, or one has another state. */
  changed() {
    this.#place();
    const last = this.#thread.lastStored;
    if (last?.isActive) return;
    const counted = last ? `${last.id} ${last.state}` : "";
    const isFirst = this.#counted === null; // what the page came with
    if (counted === this.#counted) return;
    this.#counted = counted;
    if (!isFirst) this.refresh();
  }

  async refresh() {
    if (!conversation()) return;
    const asked = ++this.#asked;
    const response = await fetch(address("gauge/")).catch(() => null);
    const html = response?.ok ? await response.text().catch(() => null) : null;
    if (html === null || asked !== this.#asked) return; // a later answer may have come first
    this.#element.innerHTML = html; // rendered by our own server
    const fresh = this.#element.querySelector(".summarised");
    const shown = mark();
    if (fresh && shown?.dataset.after === fresh.dataset.after && shown.textContent === fresh.textContent) fresh.remove();
    else shown?.remove(); // what says the same stays as it is, perhaps open
    this.#place();
  }

  /** The mark stands behind the last turn that the summary covers, if that is on the page. */
  #place() {
    const shown = mark();
    if (shown && !shown.closest(".turn").querySelector(`[data-reply="${CSS.escape(shown.dataset.after)}"]`)) shown.remove();
    const fresh = this.#element.querySelector(".summarised");
    const reply = fresh && document.querySelector(`#turns [data-reply="${CSS.escape(fresh.dataset.after)}"]`);
    if (!reply) return;
    fresh.hidden = false;
    reply.closest(".turn").append(fresh);
  }
}

function mark() {
  return document.querySelector("#turns .summarised");
}
