// Messages on their way. Each is kept in this browser until the server has acknowledged it, so that a lost connection,
// a reload or a crash loses nothing; sending one twice is one message, for its turn id is made here, once.

import { newId } from "./ids.js";
import { load, remove, save } from "./store.js";

const KEY = "outbox";
const SENT_UNASKED_MS = 60_000;

const page = nameOfThisTab();

/** `type` is "send" or "queue". */
export function put({ type, turn_id, conversation, parent, text, temporary, attachments, origin }) {
  const entry = { type, turn_id, conversation, parent, text, temporary, attachments, origin };
  store([...entries(), { ...entry, page, at: Date.now() }]);
}

export function take(turnId) {
  store(entries().filter((entry) => entry.turn_id !== turnId));
}

/** A temporary chat of this tab is left: what it did not get to send is not sent any more. */
export function forgetTemporary(conversation) {
  const isOfIt = (entry) => entry.temporary || (conversation && entry.conversation === conversation);
  store(entries().filter((entry) => entry.page !== page || !isOfIt(entry)));
}

export function get(turnId) {
  return entries().find((entry) => entry.turn_id === turnId);
}

export function has(turnId) {
  return get(turnId) !== undefined;
}

/** What was written for one conversation (null: a new one) and not acknowledged: by this tab, or by one that is gone. */
export function ofThisPage(conversation) {
  return entries().filter((entry) => entry.conversation === conversation && (entry.page === page || isOld(entry)));
}

/** What goes out by itself when the connection is there. What is older may have been overtaken: the person decides. */
export function toSend() {
  return entries().filter((entry) => entry.page === page && !isOld(entry));
}

export function isOld(entry) {
  return Date.now() - entry.at > SENT_UNASKED_MS;
}

/** The person wants it sent after all. */
export function renew(turnId) {
  store(entries().map((entry) => (entry.turn_id === turnId ? { ...entry, page, at: Date.now() } : entry)));
}

export function command({ type = "send", turn_id, conversation, parent, text, temporary, attachments, origin }) {
  const said = { turn_id, conversation, parent, text, temporary, origin };
  return { type, ...said, attachments: attachments?.map(({ id }) => id) };
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
