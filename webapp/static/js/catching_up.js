// What another tab did, or a lost connection kept from this page: turns and branches that it does not show yet.
//
//   const catchingUp = new CatchingUp({ thread, queue, answers, scroll, changed(), say(text) });

import { announce } from "./announce.js";
import { address, conversation } from "./conversation.js";
import { gettext } from "./i18n.js";
import { post } from "./post.js";

export class CatchingUp {
  #thread;
  #queue;
  #answers;
  #scroll;
  #changed;
  #say;

  constructor({ thread, queue, answers, scroll, changed, say }) {
    this.#thread = thread;
    this.#queue = queue;
    this.#answers = answers;
    this.#scroll = scroll;
    this.#changed = changed;
    this.#say = say;
  }

  async run() {
    if (!conversation()) return;
    this.#queue.refresh();
    const ended = this.#thread.views.filter((view) => view.id && !view.isActive);
    const known = ended.at(-2); // so that the last turn is compared too
    const response = await fetch(address(`turns/${known ? `?after=${known.id}` : ""}`)).catch(() => null);
    if (response?.ok) this.#takeOver(await response.text(), response.headers.get("Cria-After"));
  }

  /** Show the branch through another version of a turn; the focus stays at the same button. */
  async select(to, button) {
    const response = await post(address("select/"), { turn: to });
    if (!response?.ok) {
      const isRefused = response?.status === 409;
      this.#say(isRefused ? await response.text() : gettext("This did not get through. Please try again."));
      return;
    }
    this.#scroll.letGo();
    const { part } = button.closest(".versions").dataset;
    const before = button.getBoundingClientRect().top;
    this.#takeOver(await response.text());
    const turn = document.querySelector(`#turns [data-reply="${CSS.escape(to)}"]`)?.closest(".turn");
    const versions = turn?.querySelector(`[data-part=${part}]`);
    const same = versions?.querySelector(`[data-way=${button.dataset.way}]:enabled`) ?? versions?.querySelector("button:enabled");
    if (!same) return;
    same.focus({ preventScroll: true });
    scrollBy({ top: same.getBoundingClientRect().top - before, behavior: "instant" });
    announce(versions.querySelector(".versions-place").textContent);
  }

  #takeOver(html, after = "") {
    if (after && !this.#thread.views.some((view) => view.id === after)) {
      this.run(); // the branch was changed meanwhile
      return;
    }
    this.#thread.merge(html, after);
    this.#answers.followActive();
    this.#changed();
    this.#scroll.grown();
  }
}
