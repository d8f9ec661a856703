// Messages on their way. Each is kept in this browser until the server has acknowledged it, so that a lost connection,
// a reload, a refusal or a crash loses nothing; sending one twice is one message, for its turn id is made here, once.
//
//   put ──▶ on its way ──acknowledged──▶ gone
//              │   ▲
//    refused,  ▼   │ the person wants it sent
//    a minute  unsent ──discarded, put into the field──▶ gone

import { tab } from "./ids.js";
import { load, remove, save } from "./store.js";

const KEY = "outbox";
const SENT_UNASKED_MS = 60_000;

addEventListener("pagehide", () => change((entry) => entry.page === tab, { isLeft: true }));

/** `type` is "send", "queue", or "unqueue" for one that is wanted back from the queue. */
export function put({ type, turn_id, conversation, parent, text, temporary, attachments, origin, is_version }) {
  take(turn_id);
  const entry = { type, turn_id, conversation, parent, text, temporary, attachments, origin, is_version };
  store([...entries(), { ...entry, page: tab, at: Date.now() }]);
}

export function take(turnId) {
  store(entries().filter((entry) => entry.turn_id !== turnId));
}

/** A temporary chat of this tab is left: what it did not get to send is not sent any more. */
export function forgetTemporary(conversation) {
  const isOfIt = (entry) => entry.temporary || (conversation && entry.conversation === conversation);
  store(entries().filter((entry) => entry.page !== tab || !isOfIt(entry)));
}

export function get(turnId) {
  return entries().find((entry) => entry.turn_id === turnId);
}

export function has(turnId) {
  return get(turnId) !== undefined;
}

/** What was written for one conversation (null: a new one) and not acknowledged: by this tab, or by one that is gone. */
export function ofThisPage(conversation) {
  return entries().filter((entry) => entry.type !== "unqueue" && entry.conversation === conversation && (isOurs(entry) || isOld(entry)));
}

/** This page shows what tabs that are gone have left for its conversation: it is this tab's now. */
export function claim(conversation) {
  change((entry) => entry.isLeft && entry.conversation === conversation, { page: tab, isLeft: false });
}

/** What goes out by itself when the connection is there. */
export function toSend() {
  return entries().filter((entry) => isOurs(entry) && !isUnsent(entry) && !waitsForTheFirst(entry));
}

/** Whether only the person can send it: the server did not take it, or it is old and may have been overtaken. */
export function isUnsent(entry) {
  return entry.type !== "unqueue" && (Boolean(entry.isRefused) || isOld(entry));
}

/** The server did not take it; of a conversation that is gone it is a message for a new one. */
export function refuse(turnId, { isGone = false } = {}) {
  const nowhere = { conversation: null, parent: null };
  change((entry) => entry.turn_id === turnId, { type: "send", isRefused: true, ...(isGone && nowhere) });
}

/** The first message of this tab is stored in `conversation`: so are the next ones. Those that go out now. */
export function adopt(conversation) {
  const isNext = (entry) => isOurs(entry) && entry.conversation === null;
  const next = entries().filter((entry) => isNext(entry) && waitsForTheFirst(entry) && !isUnsent(entry));
  change(isNext, { conversation });
  return next.map((entry) => ({ ...entry, conversation }));
}

export function command({ type, turn_id, conversation, parent, text, temporary, attachments, origin }) {
  const said = { turn_id, conversation, parent, text, temporary, origin };
  return { type, ...said, attachments: attachments?.map(({ id }) => id) };
}

function isOurs(entry) {
  return entry.page === tab || entry.isLeft;
}

function isOld(entry) {
  return Date.now() - entry.at > SENT_UNASKED_MS;
}

/** A conversation has an answer to wait for when its first message is stored. */
function waitsForTheFirst(entry) {
  return entry.type === "queue" && entry.conversation === null;
}

function change(isMeant, values) {
  store(entries().map((entry) => (isMeant(entry) ? { ...entry, ...values } : entry)));
}

function entries() {
  return load(KEY, []);
}

function store(kept) {
  if (kept.length) save(KEY, kept);
  else remove(KEY);
}
