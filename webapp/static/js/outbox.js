// Messages on their way. Each is kept in this browser until the server has acknowledged it, so that a lost connection,
// a reload or a crash loses nothing; sending one twice is one message, for its turn id is made here, once.

import { newId } from "./ids.js";
import { load, remove, save } from "./store.js";

const KEY = "outbox";
const ABANDONED_MS = 60_000;

const page = nameOfThisTab();

export function put({ turn_id, conversation, parent, text }) {
  store([...entries(), { turn_id, conversation, parent, text, page, at: Date.now() }]);
}

export function take(turnId) {
  store(entries().filter((entry) => entry.turn_id !== turnId));
}

export function has(turnId) {
  return entries().some((entry) => entry.turn_id === turnId);
}

/** What this tab has sent and not got acknowledged, for one conversation (null: a new one). */
export function ofThisPage(conversation) {
  return entries().filter((entry) => entry.page === page && entry.conversation === conversation);
}

/** What should be sent when the connection is there: our own, and what a tab that is gone has left. */
export function toSend() {
  return entries().filter((entry) => entry.page === page || Date.now() - entry.at > ABANDONED_MS);
}

export function command({ turn_id, conversation, parent, text }) {
  return { type: "send", turn_id, conversation, parent, text };
}

/** The same after a reload. Without storage nothing outlives the page, so any name will do. */
function nameOfThisTab() {
  try {
    return (sessionStorage.page ??= newId());
  } catch {
    return newId();
  }
}

function entries() {
  return load(KEY, []);
}

function store(kept) {
  if (kept.length) save(KEY, kept);
  else remove(KEY);
}
