// The list of chats: open and close, search, rename in place, delete.
//
//   <button data-sidebar-toggle>   <div data-drawer="close">   <input id="conversation-search">
//   <li class="conversation"><a>…</a><form hidden>…</form> … <button data-rename> <button data-delete hx-post=… hx-confirm=…></li>
//
// The list itself is fetched and swapped by htmx; "conversations-changed" on the body asks for it.

import { load, remove, save } from "./store.js";

const root = document.documentElement;
const isNarrow = matchMedia("(width < 48rem)");

export function startSidebar() {
  const sidebar = document.getElementById("sidebar");
  if (!sidebar) return;
  for (const button of document.querySelectorAll("[data-sidebar-toggle]")) button.addEventListener("click", toggleSidebar);
  document.querySelector("[data-drawer]").addEventListener("click", closeDrawer);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isDrawerOpen() && !sidebar.querySelector(":popover-open")) closeDrawer();
  });
  isNarrow.addEventListener("change", closeDrawer);
  startSearch();
  startMenus(document.getElementById("conversations"));
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

/** Make the sidebar visible and put the cursor into its search field. */
export function openSearch() {
  if (isNarrow.matches ? !isDrawerOpen() : root.dataset.sidebar === "closed") toggleSidebar();
  document.getElementById("conversation-search").focus();
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

function startSearch() {
  const field = document.getElementById("conversation-search");
  field.addEventListener("input", () => filter(field.value));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") document.querySelector(".conversation:not([hidden]) > a")?.click();
    if (event.key === "Escape" && field.value) {
      event.stopPropagation();
      field.value = "";
      filter("");
    }
  });
  document.getElementById("conversations").addEventListener("htmx:afterSwap", () => filter(field.value));
}

function filter(text) {
  const wanted = text.trim().toLocaleLowerCase();
  const items = [...document.querySelectorAll(".conversation")];
  for (const item of items) {
    item.hidden = !item.querySelector("a").textContent.toLocaleLowerCase().includes(wanted);
  }
  for (const group of document.querySelectorAll("#conversations section")) {
    group.hidden = !group.querySelector(".conversation:not([hidden])");
  }
  document.querySelector("[data-nothing-found]").hidden = !items.length || items.some((item) => !item.hidden);
}

function startMenus(list) {
  list.addEventListener("click", (event) => {
    if (event.target.closest("[data-rename]")) startRename(event.target.closest(".conversation"));
  });
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
  document.addEventListener("htmx:confirm", askBeforeDeleting);
  list.addEventListener("htmx:afterRequest", (event) => {
    const { successful, pathInfo } = event.detail;
    if (successful && pathInfo.requestPath === `${location.pathname}delete/`) location.assign("/");
  });
}

function startRename(item) {
  item.querySelector("[popover]").hidePopover();
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

/** htmx would ask with the browser's own box; ours can be read and styled. */
function askBeforeDeleting(event) {
  if (!event.detail.question) return;
  event.preventDefault();
  event.target.closest("[popover]")?.hidePopover();
  const dialog = document.getElementById("confirm-dialog");
  dialog.querySelector("[data-part=question]").textContent = event.detail.question;
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && event.detail.issueRequest(true), { once: true });
  dialog.showModal();
}
