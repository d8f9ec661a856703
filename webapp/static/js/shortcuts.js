// The keys that work anywhere on the page. Others can listen to "shortcut" on the document: detail is its name.
//
//   <kbd data-keys="mod shift O"></kbd>   is filled with the keys as this system writes them; data-keys-touch: where a
//                                         screen's keyboard comes first

import { gettext } from "./i18n.js";
import { openSearch } from "./search.js";
import { toggleSidebar } from "./sidebar.js";

const isTouch = matchMedia("(pointer: coarse)");
const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

// By `code` where Shift changes the letter, so that other keyboard layouts than the American one work too.
const SHORTCUTS = [
  { key: "k", run: openSearch },
  { key: "o", shift: true, run: () => location.assign("/") },
  { key: "s", shift: true, run: toggleSidebar },
  { key: "c", shift: true, run: () => announceShortcut("copy-answer") },
  { key: ";", code: "Semicolon", shift: true, run: () => announceShortcut("copy-code") },
  { key: "/", code: "Slash", run: showKeys },
];

export function startShortcuts() {
  for (const element of document.querySelectorAll("[data-keys]")) element.replaceChildren(...written(element));
  document.querySelector("[data-show-keys]")?.addEventListener("click", showKeys);
  if (areShortcutsOff()) return;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.shiftKey) {
      document.getElementById("message")?.focus();
      return;
    }
    if (!(isApple ? event.metaKey : event.ctrlKey) || event.altKey) return;
    const shortcut = SHORTCUTS.find((candidate) => matches(candidate, event));
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run();
  });
}

/** They may be somebody's own keys for something else. */
export function areShortcutsOff() {
  return document.documentElement.dataset.shortcuts === "off";
}

function matches({ key, code, shift = false }, event) {
  const isKey = event.key.toLowerCase() === key || (code && event.code === code);
  return isKey && (event.shiftKey === shift || key === "/"); // "/" itself needs Shift on many keyboards
}

function announceShortcut(name) {
  document.dispatchEvent(new CustomEvent("shortcut", { detail: name }));
}

function showKeys() {
  const dialog = document.getElementById("keys-dialog");
  document.querySelector("#person-menu:popover-open")?.hidePopover();
  if (!dialog.open) dialog.showModal();
}

function written(element) {
  const { keys, keysTouch } = element.dataset;
  const names = ((isTouch.matches && keysTouch) || keys).split(" ").map(name);
  if (element.tagName === "KBD") return [names.join(isApple ? "" : "+")];
  return names.map((text) => {
    const key = document.createElement("kbd");
    key.textContent = text;
    return key;
  });
}

function name(key) {
  if (key === "mod") return isApple ? "⌘" : gettext("Ctrl");
  if (key === "shift") return isApple ? "⇧" : gettext("Shift");
  return key;
}
