// Which conversation the page shows: none until its first message is stored.
//
//   <div id="chat" data-conversation="…" data-temporary>

import { isTemporary } from "./temporary.js";

const page = document.getElementById("chat");

export function conversation() {
  return page.dataset.conversation || null;
}

export function address(path = "") {
  return `/c/${conversation()}/${path}`;
}

export function draftKey() {
  return `drafts.${conversation() ?? "new"}`;
}

/** The first message is stored: from now on the page is that of its conversation. */
export function adopt(id) {
  page.dataset.conversation = id;
  if (!isTemporary()) history.replaceState(null, "", address());
}
