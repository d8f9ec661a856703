// The list of chats: open and close, the menu of a chat, rename in place, delete, folders, signs of news.
//
//   <button data-sidebar-toggle>   <div data-drawer="close">
//   <nav id="conversations"> <details class="folder" data-folder="id"> <li class="conversation" data-conversation="id"> …
//   <div id="chat-menu" popover>   one menu for all chats; the button that opens it says for which
//
// The list itself is fetched and swapped by htmx; "conversations-changed" on the body asks for it.

import { complain } from "./announce.js";
import { interpolate } from "./i18n.js";
import { post } from "./post.js";
import { askToOrganise, startOrganising } from "./sidebar_dialogs.js";
import { forgetConversation, load, remove, save } from "./store.js";
import { startSwipe } from "./swipe.js";

const LIVE_MS = 4_000;
const BUSY_MS = 800;
const AS_PART = { headers: { "HX-Request": "true" } };
const root = document.documentElement;
const isNarrow = matchMedia("(width < 48rem)");
const menu = document.getElementById("chat-menu");
const list = document.getElementById("conversations");
let chosen = null; // the chat whose menu is open
let nextLook = 0;

export function startSidebar() {
  const sidebar = document.getElementById("sidebar");
  if (!sidebar) return;
  for (const button of document.querySelectorAll("[data-sidebar-toggle]")) button.addEventListener("click", toggleSidebar);
  document.querySelector("[data-drawer]").addEventListener("click", closeDrawer);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isDrawerOpen() || sidebar.querySelector(":popover-open")) return;
    event.preventDefault(); // it is not meant for the answer that is being written
    closeDrawer();
  });
  isNarrow.addEventListener("change", closeDrawer);
  startSwipe({ isOpen: isDrawerOpen, toggle: toggleSidebar });
  startOrganising();
  startMenu();
  startRenaming();
  startFolders();
  list.addEventListener("htmx:beforeSwap", waitForHands);
  list.addEventListener("htmx:afterSwap", showNews);
  document.addEventListener("visibilitychange", showNews);
  showNews();
}

export function refreshConversations() {
  document.body.dispatchEvent(new CustomEvent("conversations-changed"));
}

export function toggleSidebar() {
  if (isNarrow.matches) {
    if (isDrawerOpen()) closeDrawer();
    else openDrawer();
    return;
  }
  const closes = root.dataset.sidebar !== "closed";
  if (closes) {
    root.dataset.sidebar = "closed";
    save("sidebar", "closed");
  } else {
    delete root.dataset.sidebar;
    remove("sidebar");
  }
}

function isDrawerOpen() {
  return root.dataset.drawer === "open";
}

function openDrawer() {
  root.dataset.drawer = "open";
  document.querySelector(".stage").inert = true;
  document.querySelector("#sidebar [data-sidebar-toggle]").focus();
}

function closeDrawer() {
  if (!isDrawerOpen()) return;
  delete root.dataset.drawer;
  document.querySelector(".stage").inert = false;
  document.querySelector(".topbar [data-sidebar-toggle]").focus();
}

// The menu of a chat

function startMenu() {
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[popovertarget=chat-menu]");
    if (button) choose(button);
  });
  list.addEventListener("contextmenu", (event) => {
    // A right click, and a long press on a phone.
    const button = event.target.closest(".conversation")?.querySelector("[popovertarget=chat-menu]");
    if (!button) return;
    event.preventDefault();
    button.click();
  });
  menu.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    menu.hidePopover();
    act(button, chosen);
  });
}

function choose(button) {
  chosen = button.closest(".conversation");
  const isPinned = "pinned" in chosen.dataset;
  menu.querySelector("[data-if=pinned]").hidden = !isPinned;
  menu.querySelector("[data-if=unpinned]").hidden = isPinned;
}

function act(button, item) {
  const address = `/c/${item.dataset.conversation}/`;
  if ("rename" in button.dataset) startRename(item);
  else if ("delete" in button.dataset) askToDelete(button, item, address);
  else if (button.dataset.ask) askToOrganise(address + button.dataset.ask);
  else change(address + button.dataset.post, button.dataset.on);
}

/** Post a change. A copy of a chat is opened; everything else only changes the list. */
async function change(address, on) {
  const response = await post(address, on === undefined ? {} : { on }, AS_PART);
  const copy = response?.headers.get("HX-Redirect");
  if (!response?.ok) complain();
  if (copy) location.assign(copy);
  else refreshConversations();
}

function askToDelete(button, item, address) {
  const title = item.querySelector("a").textContent;
  ask(interpolate(button.dataset.question, { title }, true), async () => {
    const response = await post(`${address}delete/`, {}, AS_PART);
    if (!response?.ok && response?.status !== 404) {
      complain(); // it is there as before
      return;
    }
    forgetConversation(item.dataset.conversation);
    if (location.pathname === address) location.assign("/");
    else refreshConversations();
  });
}

/** Ask in a box of our own, which can be read and styled, and go on if the answer is yes. */
export function ask(question, goOn) {
  const dialog = document.getElementById("confirm-dialog");
  dialog.querySelector("[data-part=question]").textContent = question;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && goOn(), { once: true });
  dialog.showModal();
}

document.addEventListener("htmx:confirm", (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  event.target.closest("[popover]")?.hidePopover();
  ask(event.detail.question, () => event.detail.issueRequest(true));
});

// Rename in place

function startRenaming() {
  // Once it is sent the field is done with, or the answer would wait for it to be left.
  list.addEventListener("submit", (event) => event.target.matches(".conversation-rename") && endRename(event.target));
  list.addEventListener("focusout", (event) => {
    const form = event.target.closest(".conversation-rename");
    if (form && !form.hidden) finishRename(form);
  });
  list.addEventListener("keydown", (event) => {
    const form = event.target.closest(".conversation-rename");
    if (!form || event.key !== "Escape") return;
    event.stopPropagation();
    endRename(form);
  });
}

function startRename(item) {
  const form = item.querySelector(".conversation-rename");
  item.querySelector("a").hidden = true;
  form.hidden = false;
  form.elements.title.value = item.querySelector("a").textContent;
  form.elements.title.select();
  form.elements.title.focus();
}

/** Leaving the field keeps what was typed, as people expect of a title. */
function finishRename(form) {
  const title = form.elements.title.value.trim();
  if (title && title !== form.closest(".conversation").querySelector("a").textContent) form.requestSubmit();
  endRename(form);
}

function endRename(form) {
  const link = form.closest(".conversation").querySelector("a");
  form.hidden = true;
  link.hidden = false;
  link.focus();
}

// Folders: which are closed is kept in this browser

function startFolders() {
  closeFolders();
  list.addEventListener("htmx:afterSwap", closeFolders);
  list.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    if (!summary) return;
    const { folder } = summary.parentElement.dataset;
    const others = load("folders", []).filter((id) => id !== folder);
    save("folders", summary.parentElement.open ? [...others, folder] : others); // it is about to turn over
  });
}

function closeFolders() {
  const closed = load("folders", []);
  for (const folder of list.querySelectorAll("details")) folder.open = !closed.includes(folder.dataset.folder);
}

// News: what is on the screen has been seen; what is being written is looked after until it has ended

function showNews() {
  clearTimeout(nextLook);
  if (document.hidden) return;
  const open = list.querySelector(".conversation:has(> [aria-current])");
  if (open && "unread" in open.dataset) {
    delete open.dataset.unread;
    open.querySelector(".sign")?.remove();
    post(`/c/${open.dataset.conversation}/seen/`, {}, { keepalive: true }); // the page may be left in this moment
  }
  // The hint that an answer has ended reaches pages of the chat only, and may be lost.
  if (list.querySelector("[data-live]")) nextLook = setTimeout(lookAgain, LIVE_MS);
}

function lookAgain() {
  if (isInUse()) nextLook = setTimeout(lookAgain, BUSY_MS);
  else refreshConversations();
}

/** A swap would take away the field somebody writes in, or the button their menu hangs on. */
function isInUse() {
  return list.querySelector(".conversation-rename:not([hidden])") || menu.matches(":popover-open");
}

function waitForHands(event) {
  if (!isInUse()) return;
  event.detail.shouldSwap = false;
  clearTimeout(nextLook);
  nextLook = setTimeout(lookAgain, BUSY_MS);
}
