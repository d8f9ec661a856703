// Messages that wait for the answer being written. They are kept on the server; this shows them and carries out their
// buttons.
//
//   <div id="queue"><ol><li data-turn="…"> <span data-part="text"> <button data-queue="edit|unqueue|send_now"></li></ol></div>
//   const queue = new Queue(element, { address: () => "/c/…/queue/", onEdit(text, documents), send(command) });

import { announce } from "./announce.js";
import { attachedTo } from "./attaching.js";
import { gettext } from "./i18n.js";

export class Queue {
  #element;
  #address;

  /** `send` says whether the server could be told. */
  constructor(element, { address, onEdit, send }) {
    this.#element = element;
    this.#address = address;
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-queue]");
      if (!button) return;
      const item = button.closest("[data-turn]");
      const act = button.dataset.queue;
      if (!send({ type: act === "edit" ? "unqueue" : act, turn_id: item.dataset.turn })) return;
      if (act === "edit") onEdit(item.querySelector("[data-part=text]").textContent, attachedTo(item));
      if (act === "unqueue") announce(gettext("Message removed"));
      if (act !== "send_now") item.remove();
    });
  }

  get isEmpty() {
    return !this.#element.querySelector("[data-turn]");
  }

  /** Show what waits now. */
  async refresh() {
    const address = this.#address();
    if (!address) return;
    const response = await fetch(address).catch(() => null);
    if (response?.ok) this.#element.innerHTML = await response.text(); // rendered by our own server
  }
}
