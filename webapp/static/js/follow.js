// Keeps the server telling about the answers that are still being written.
//
//   const followed = new Followed(socket);
//   followed.add(view);       subscribes from the view's cursor, again after each reconnect
//   followed.heard(view.id);  something came: the watchdog is content
//   followed.remove(view.id);

const STALL_MS = 20_000;
const CHECK_EVERY_MS = 5_000;

export class Followed {
  #socket;
  #views = new Map();
  #heardAt = new Map();

  constructor(socket) {
    this.#socket = socket;
    socket.addEventListener("ready", () => this.#views.forEach((view) => this.#subscribe(view)));
    setInterval(() => this.#checkForStalls(), CHECK_EVERY_MS);
  }

  get(id) {
    return this.#views.get(id);
  }

  add(view) {
    this.#views.set(view.id, view);
    this.#subscribe(view);
  }

  remove(id) {
    this.#views.delete(id);
    this.#heardAt.delete(id);
  }

  /** Forget the answers that are not on the page any more. */
  prune() {
    for (const view of this.#views.values()) {
      if (view.element.isConnected) continue;
      this.remove(view.id);
      this.#socket.send({ type: "unsubscribe", reply: view.id });
    }
  }

  heard(id) {
    this.#heardAt.set(id, Date.now());
  }

  #subscribe(view) {
    this.heard(view.id);
    this.#socket.send({ type: "subscribe", reply: view.id, cursor: view.cursor || null });
  }

  /** Silence is mostly a slow model, but asking again costs nothing: the server sends only what is missing. */
  #checkForStalls() {
    for (const view of this.#views.values()) {
      if (Date.now() - this.#heardAt.get(view.id) > STALL_MS) this.#subscribe(view);
    }
  }
}
