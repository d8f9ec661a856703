// One websocket that comes back by itself.
//
//   const socket = new Socket("/ws/chat/");
//   socket.addEventListener("ready", …);                  the server has said hello (detail); also after each reconnect
//   socket.addEventListener("message", ({ detail }) => …);
//   socket.addEventListener("lost", …);
//   socket.addEventListener("denied", …);                 this browser is nobody the server knows; it stays closed
//   socket.open(); socket.send({ type: "ping" });

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
const PING_EVERY_MS = 20_000;
const ANSWER_WITHIN_MS = 8_000;
const NOT_ALLOWED = 4401;

export class Socket extends EventTarget {
  #url;
  #socket = null;
  #isReady = false;
  #isDenied = false;
  #attempts = 0;
  #reconnect = 0;
  #ping = 0;
  #deadline = 0;

  constructor(path) {
    super();
    this.#url = new URL(path, location.href);
    this.#url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  }

  get isReady() {
    return this.#isReady;
  }

  open() {
    this.#connect();
    addEventListener("online", () => this.#revive());
    addEventListener("pageshow", (event) => event.persisted && this.#revive());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#revive());
  }

  /** Send now, or say no: whoever needs it sent keeps it until "ready". */
  send(message) {
    if (!this.#isReady) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    clearTimeout(this.#reconnect);
    if (this.#socket || this.#isDenied) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#expectAnswer();
    socket.addEventListener("message", (event) => this.#receive(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#lose(event.code));
  }

  #receive(message) {
    clearTimeout(this.#deadline);
    this.#deadline = 0;
    this.#schedulePing();
    if (message.type === "pong") return;
    if (message.type === "hello") {
      this.#isReady = true;
      this.#attempts = 0;
      this.dispatchEvent(new CustomEvent("ready", { detail: message }));
      return;
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  /** A half-open connection looks open until something is asked of it. */
  #schedulePing() {
    clearTimeout(this.#ping);
    this.#ping = setTimeout(() => this.#probe(), PING_EVERY_MS);
  }

  #probe() {
    if (this.send({ type: "ping" })) this.#expectAnswer();
  }

  #expectAnswer() {
    if (this.#deadline) return;
    this.#deadline = setTimeout(() => this.#lose(), ANSWER_WITHIN_MS);
  }

  #lose(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#isReady = false;
    clearTimeout(this.#ping);
    clearTimeout(this.#deadline);
    this.#deadline = 0;
    socket?.close();
    this.#isDenied = code === NOT_ALLOWED;
    this.dispatchEvent(new Event(this.#isDenied ? "denied" : "lost"));
    if (this.#isDenied) return;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts++);
    this.#reconnect = setTimeout(() => this.#connect(), wait * (0.5 + Math.random()));
  }

  /** The device woke up, or the network came back: do not wait for the next attempt. */
  #revive() {
    if (this.#socket) this.#probe();
    else this.#connect();
  }
}
