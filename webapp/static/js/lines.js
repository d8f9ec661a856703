// The two ways to the server. Each says what it hears, and once that it is closed, with the code of the server if any.
//
//   const line = new SocketLine(addresses, { heard: (message) => …, closed: (code) => … });
//   line.send({ type: "ping" }); line.close();

import { post } from "./post.js";

const SILENCE_MS = 25_000; // the stream says something every fifteen seconds
const OPENS_WITHIN_MS = 8_000;
const ANSWERED_WITHIN_MS = 20_000;
const RESTS_AFTER_MS = 60_000;
const TOO_MANY = 429;
const REFUSALS = [401, 403];
export const NOT_ALLOWED = 4401;

/** A websocket. */
export class SocketLine {
  #socket;

  constructor({ socket: path }, { heard, closed }) {
    const url = new URL(path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(url);
    this.#socket.addEventListener("message", (event) => heard(JSON.parse(event.data)));
    this.#socket.addEventListener("close", (event) => closed(event.code));
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  close() {
    this.#socket.close();
  }

  get isBusy() {
    return false;
  }
}

/**
 * Server-sent events, and commands by POST, one after the other. What is followed stands in the address of the stream,
 * so that it is opened anew when that grows; the old one is heard until the new one speaks, lest a hint get lost.
 * A page that nobody looks at and that waits for nothing has none: browsers open six connections to a site at most.
 */
export class EventsLine {
  #addresses;
  #heard;
  #closed;
  #source = null; // what is heard
  #next = null; // what is being opened
  #follows = new Map(); // replies, and the cursor of what was heard of each
  #commands = Promise.resolve();
  #numWaiting = 0;
  #hints = []; // that came while a command had no answer yet: the page hears of its own deeds first
  #watch = 0;
  #restTimer = 0;
  #numErrors = 0; // since something was heard
  #isAsked = false; // to open the stream anew
  #isQuiet = false; // about the greeting of a stream that is only followed by another
  #isClosed = false;
  #life = new AbortController();

  constructor(addresses, { heard, closed }) {
    this.#addresses = addresses;
    this.#heard = heard;
    this.#closed = closed;
    document.addEventListener("visibilitychange", () => this.#restLater(), { signal: this.#life.signal });
    this.#open();
    this.#restLater(); // it may have been opened in the background
  }

  /** Whether commands wait for their answers. */
  get isBusy() {
    return this.#numWaiting > 0;
  }

  /** When all that was said until now is answered. */
  get answered() {
    return this.#commands;
  }

  send(message) {
    if (message.type === "subscribe") this.#follow(message.reply, message.cursor);
    else if (message.type === "unsubscribe") this.#unfollow(message.reply);
    else if (message.type === "ping") this.#ping();
    else this.#say(message);
  }

  close() {
    this.#isClosed = true;
    this.#life.abort();
    this.#hush();
  }

  #hush() {
    for (const timer of [this.#watch, this.#restTimer]) clearTimeout(timer);
    this.#source?.close();
    this.#next?.close();
    this.#source = this.#next = null;
  }

  get #mayRest() {
    return document.visibilityState === "hidden" && !this.#follows.size && !this.#isAsked;
  }

  #restLater() {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.#mayRest && this.#hush(), RESTS_AFTER_MS);
  }

  /** Whoever asks whether there is a connection gets a greeting, unless it rests. */
  #ping() {
    if (!this.#source && !this.#next && this.#mayRest) queueMicrotask(() => this.#heard({ type: "pong" }));
    else this.#open();
  }

  #fail(code) {
    if (this.#isClosed) return;
    this.close();
    this.#closed(code);
  }

  #follow(reply, cursor) {
    if (this.#follows.has(reply) && this.#follows.get(reply) === cursor) return;
    this.#follows.set(reply, cursor);
    if (this.#isAsked) return;
    this.#isAsked = true;
    queueMicrotask(() => this.#open({ isQuiet: true })); // once for all that are followed now
  }

  #unfollow(reply) {
    this.#follows.delete(reply);
    this.#restLater();
  }

  #open({ isQuiet = false } = {}) {
    this.#isAsked = false;
    if (this.#isClosed) return;
    this.#isQuiet = isQuiet && (this.#isQuiet || !this.#next); // unless somebody waits for the greeting
    this.#next?.close();
    const url = new URL(this.#addresses.events, location.href);
    for (const [reply, cursor] of this.#follows) url.searchParams.append("follow", cursor ? `${reply}@${cursor}` : reply);
    const source = new EventSource(url);
    this.#next = source;
    this.#expectWithin(OPENS_WITHIN_MS);
    source.addEventListener("message", (event) => this.#receive(source, JSON.parse(event.data)));
    source.addEventListener("error", () => this.#interrupted(source));
  }

  /** The browser comes back by itself where a stream has ended, with the id of what it has heard last. */
  #interrupted(source) {
    if (source !== this.#source && source !== this.#next) return;
    this.#numErrors += 1;
    if (source.readyState === EventSource.CLOSED || this.#numErrors > 1) this.#fail();
    else this.#expectWithin(OPENS_WITHIN_MS);
  }

  #expectWithin(ms) {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#fail(), ms);
  }

  #receive(source, message) {
    if (this.#isClosed) return;
    this.#numErrors = 0;
    if (source === this.#next) {
      this.#source?.close();
      this.#source = source;
      this.#next = null;
    } else if (this.#next && message.type !== "hint") {
      return; // the new stream says it, too
    }
    if (!this.#next) this.#expectWithin(SILENCE_MS);
    if (message.type === "denied") return this.#fail(NOT_ALLOWED);
    if (message.type === "hello" && this.#isQuiet) {
      this.#isQuiet = false;
      return;
    }
    this.#note(message);
    if (message.type === "hint" && this.#numWaiting) this.#hints.push(message);
    else this.#heard(message);
  }

  #note({ type, reply, cursor, state }) {
    if (!cursor || !this.#follows.has(reply)) return;
    const isFinal = type === "done" || type === "error" || (type === "snapshot" && !["queued", "running"].includes(state));
    if (isFinal) this.#unfollow(reply);
    else this.#follows.set(reply, cursor);
  }

  #say(message) {
    this.#numWaiting += 1;
    this.#commands = this.#commands.then(() => this.#post(message)).finally(() => this.#answered());
  }

  #answered() {
    this.#numWaiting -= 1;
    if (!this.#numWaiting) for (const hint of this.#hints.splice(0)) this.#heard(hint);
  }

  /** Also when the stream has failed meanwhile: what was said is said, and the page hears of it when it is back. */
  async #post(message) {
    const json = { headers: { "Content-Type": "application/json" }, body: JSON.stringify(message) };
    const signal = AbortSignal.timeout(ANSWERED_WITHIN_MS);
    const response = await post(this.#addresses.commands, {}, { ...json, redirect: "manual", signal });
    const answers = response?.ok ? await response.json().catch(() => null) : null;
    if (answers) {
      for (const answer of answers) queueMicrotask(() => this.#heard(answer));
    } else if (response?.status === TOO_MANY) {
      const waitS = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, 1_000 * waitS));
      await this.#post(message);
    } else {
      this.#fail(REFUSALS.includes(response?.status) ? NOT_ALLOWED : undefined); // others are a proxy's
    }
  }
}
