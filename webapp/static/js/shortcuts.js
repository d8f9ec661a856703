// The keys that work anywhere on the page. Others can listen to "shortcut" on the document: detail is its name.
//
//   <dd data-shortcut="search" data-keys="mod k"></dd>   in the list of them says which keys a shortcut has; one's own
//                                                        are chosen in the settings
//   <kbd data-keys="mod shift o"></kbd>   is filled with the keys as this system writes them; data-keys-touch: where a
//                                         screen's keyboard comes first

import { isApple, names, waysToWrite } from "./keys.js";
import { openSearch } from "./search.js";
import { toggleSidebar } from "./sidebar.js";

const isTouch = matchMedia("(pointer: coarse)");

const ACTS = {
  new_chat: () => location.assign("/"),
  search: openSearch,
  sidebar: toggleSidebar,
  field: () => document.getElementById("message")?.focus(),
  list: showKeys,
};

export function startShortcuts() {
  for (const element of document.querySelectorAll("[data-keys]")) element.replaceChildren(...written(element));
  document.querySelector("[data-show-keys]")?.addEventListener("click", showKeys);
  const listed = [...document.querySelectorAll("#keys-dialog [data-shortcut]")];
  const shortcuts = new Map(listed.filter(({ dataset }) => dataset.keys).map(({ dataset }) => [dataset.keys, dataset.shortcut]));
  document.addEventListener("keydown", (event) => {
    if (areShortcutsOff()) return;
    const keys = waysToWrite(event).find((way) => shortcuts.has(way));
    if (!keys) return;
    const shortcut = shortcuts.get(keys);
    if (ACTS[shortcut]) {
      event.preventDefault();
      ACTS[shortcut]();
    } else if (!document.dispatchEvent(new CustomEvent("shortcut", { detail: shortcut, cancelable: true }))) {
      event.preventDefault();
    }
  });
}

/** They may be somebody's own keys for something else. */
export function areShortcutsOff() {
  return document.documentElement.dataset.shortcuts === "off";
}

function showKeys() {
  const dialog = document.getElementById("keys-dialog");
  document.querySelector("#person-menu:popover-open")?.hidePopover();
  if (!dialog.open) dialog.showModal();
}

function written(element) {
  const { keys, keysTouch } = element.dataset;
  const shown = names((isTouch.matches && keysTouch) || keys);
  if (element.tagName === "KBD") return [shown.join(isApple ? "" : "+")];
  return shown.map((text) => {
    const key = document.createElement("kbd");
    key.textContent = text;
    return key;
  });
}
