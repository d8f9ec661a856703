// Temporary chats whose page was left. A page says so on its way out; what is said there can get lost, so the pages
// that come next in the tab say it again until the server has heard it.

import { post } from "./post.js";

const KEY = "cria.left";

/** For a page that is going away. `conversation` is its id, or that of the first turn where it is not known yet. */
export function leave(conversation) {
  keep([...new Set([...left(), conversation])]);
  const form = new FormData();
  form.set("csrfmiddlewaretoken", document.querySelector("meta[name=csrf-token]").content);
  navigator.sendBeacon(addressOf(conversation), form);
}

/** For a page that comes. */
export async function closeWhatWasLeft() {
  const open = document.getElementById("chat")?.dataset.conversation;
  for (const conversation of left().filter((id) => id !== open)) {
    const response = await post(addressOf(conversation));
    if (response?.ok) keep(left().filter((id) => id !== conversation));
  }
}

function addressOf(conversation) {
  return `/c/${conversation}/close/`;
}

function left() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

function keep(conversations) {
  try {
    if (conversations.length) sessionStorage.setItem(KEY, JSON.stringify(conversations));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage the server erases it when it has not heard from its page for a while.
  }
}
