// Messages that wait for the answer being written. They are kept on the server; this shows them and carries out their
// buttons.
//
//   <div id="queue"><ol><li data-turn="…"> <span data-part="text"> <button data-queue="edit|unqueue|send_now|send_instead"></li></ol></div>
//   const queue = new Queue(element, {
//     address: () => "/c/…/queue/", tell(command), active: () => "…", onEdit(turnId, text, documents), onShown(turnIds) });
//
// What is pressed is shown when the server has agreed: the message may have been sent a moment ago.

import { attachedTo } from "./attaching.js";

export class Queue {
  #element;
  #address;
  #onShown;

  constructor(element, { address, tell, active, onEdit, onShown }) {
    this.#element = element;
    this.#address = address;
    this.#onShown = onShown;
    element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-queue]");
      if (!button) return;
      const item = button.closest("[data-turn]");
      const turnId = item.dataset.turn;
      if (button.dataset.queue === "edit") onEdit(turnId, item.querySelector("[data-part=text]").textContent, attachedTo(item));
      else if (button.dataset.queue === "send_instead") sendInstead(turnId, active(), tell);
      else tell({ type: button.dataset.queue, turn_id: turnId });
    });
  }

  get isEmpty() {
    return this.#items.length === 0;
  }

  /** Show what waits now. */
  async refresh() {
    const address = this.#address();
    if (!address) return;
    const response = await fetch(address).catch(() => null);
    if (!response?.ok) return;
    this.#element.innerHTML = await response.text(); // rendered by our own server
    this.#onShown(this.#items.map((item) => item.dataset.turn));
  }

  get #items() {
    return [...this.#element.querySelectorAll("[data-turn]")];
  }
}

/** Stop the answer `active`, then send this one: the server carries out one after the other. */
function sendInstead(turnId, active, tell) {
  const isStopped = !active || tell({ type: "stop", reply: active });
  if (isStopped) tell({ type: "send_now", turn_id: turnId });
}
