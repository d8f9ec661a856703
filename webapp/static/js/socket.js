// One connection that comes back by itself: a websocket, or server-sent events where the network lets no websocket
// through. A websocket is tried again every few minutes, and when the network is another one.
//
//   const socket = new Socket({ socket: "/ws/chat/", events: "/sse/chat/", commands: "/commands/" });
//   socket.addEventListener("ready", …);                  the server has said hello (detail); also after each reconnect
//   socket.addEventListener("message", ({ detail }) => …);
//   socket.addEventListener("lost", …);
//   socket.addEventListener("denied", …);                 this browser is nobody the server knows; it stays closed
//   socket.open(); socket.send({ type: "ping" });

import { EventsLine, NOT_ALLOWED, SocketLine } from "./lines.js";
import { forgetRefusal, isReachable, noteRefusal, refusedAt } from "./refused.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
const PING_EVERY_MS = 20_000;
const ANSWER_WITHIN_MS = 8_000;
const REFUSALS = 2; // one after the other, until the other way is tried
const TRY_SOCKET_EVERY_MS = 5 * 60_000;

export class Socket extends EventTarget {
  #addresses;
  #line = null;
  #trial = null; // of a websocket, while events do
  #isReady = false;
  #isDenied = false;
  #usesEvents = refusedAt() > 0;
  #refusals = 0;
  #attempts = 0;
  #reconnect = 0;
  #ping = 0;
  #deadline = 0;
  #nextTrial = 0;
  #trialEnd = 0;

  constructor({ socket, events, commands }) {
    super();
    this.#addresses = { socket, events, commands };
  }

  get isReady() {
    return this.#isReady;
  }

  /** Whether no websocket got through, which took a second to find out. */
  get usesEvents() {
    return this.#usesEvents;
  }

  open() {
    this.#connect();
    addEventListener("online", () => {
      this.#revive();
      this.#trySocket();
    });
    addEventListener("pageshow", (event) => event.persisted && this.#revive());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#revive());
  }

  /** Send now, or say no: whoever needs it sent keeps it until "ready". */
  send(message) {
    if (!this.#isReady) return false;
    this.#line.send(message);
    return true;
  }

  #connect() {
    clearTimeout(this.#reconnect);
    if (this.#line || this.#isDenied) return;
    this.#line = this.#newLine(this.#usesEvents ? EventsLine : SocketLine);
    this.#expectAnswer();
  }

  #newLine(Line) {
    const line = new Line(this.#addresses, {
      heard: (message) => {
        if (line === this.#line) this.#receive(message);
        else if (line === this.#trial && message.type === "hello") this.#takeOver(line, message);
      },
      closed: (code) => {
        if (line === this.#line) this.#lose(code);
        else if (line === this.#trial) this.#endTrial();
      },
    });
    return line;
  }

  #receive(message) {
    clearTimeout(this.#deadline);
    this.#deadline = 0;
    this.#schedulePing();
    if (message.type === "pong") return;
    if (message.type === "hello") {
      this.#isReady = true;
      this.#attempts = this.#refusals = 0;
      if (this.#usesEvents) this.#scheduleTrial();
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
    const line = this.#line;
    this.#isDenied = code === NOT_ALLOWED;
    if (!this.#isReady && !this.#isDenied) this.#refusals += 1;
    this.#line = null;
    this.#isReady = false;
    for (const timer of [this.#ping, this.#deadline, this.#nextTrial]) clearTimeout(timer);
    this.#deadline = 0;
    line?.close();
    this.dispatchEvent(new Event(this.#isDenied ? "denied" : "lost"));
    if (this.#isDenied) return;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts++);
    this.#reconnect = setTimeout(() => this.#comeBack(), wait * (0.5 + Math.random()));
  }

  async #comeBack() {
    if (this.#refusals >= REFUSALS && (await isReachable()) && !this.#line) {
      this.#usesEvents = !this.#usesEvents;
      this.#refusals = 0;
      if (this.#usesEvents) noteRefusal();
    }
    this.#connect();
  }

  /** The device woke up, or the network came back: do not wait for the next attempt. */
  #revive() {
    if (this.#line) this.#probe();
    else this.#connect();
  }

  #scheduleTrial() {
    clearTimeout(this.#nextTrial);
    this.#nextTrial = setTimeout(() => this.#trySocket(), Math.max(0, refusedAt() + TRY_SOCKET_EVERY_MS - Date.now()));
  }

  /** Beside the events, which go on until the websocket has said hello. */
  #trySocket() {
    if (!this.#usesEvents || !this.#isReady || this.#trial) return;
    this.#trial = this.#newLine(SocketLine);
    this.#trialEnd = setTimeout(() => this.#endTrial(), ANSWER_WITHIN_MS);
  }

  #endTrial() {
    clearTimeout(this.#trialEnd);
    const trial = this.#trial;
    this.#trial = null;
    trial.close();
    noteRefusal();
    this.#scheduleTrial();
  }

  /** Not before the events have said what was answered: an answer is for the line that was asked. */
  async #takeOver(line, hello) {
    clearTimeout(this.#trialEnd);
    while (this.#line?.isBusy) await this.#line.answered;
    if (line !== this.#trial) return; // it was lost meanwhile
    for (const timer of [this.#trialEnd, this.#nextTrial, this.#reconnect]) clearTimeout(timer);
    this.#line?.close();
    this.#line = line;
    this.#trial = null;
    this.#usesEvents = false;
    forgetRefusal();
    this.#receive(hello);
  }
}
