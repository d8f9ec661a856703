// How keys are written: "mod shift o". `mod` is Control, or Command on Apple's systems.

import { gettext } from "./i18n.js";

export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

// What stands on a key without Shift, on the keyboard that these are named after.
const BY_CODE = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Semicolon: ";",
  Slash: "/",
  Comma: ",",
  Period: ".",
  Minus: "-",
  Equal: "=",
  BracketLeft: "[",
  BracketRight: "]",
  Quote: "'",
  Backquote: "`",
  Backslash: "\\",
  Escape: "Esc",
};

/** The keys that were pressed, by where they are; null while it is only Shift and the like, or what cannot be used. */
export function pressed(event) {
  const key = keyOf(event);
  return key && !isForeign(event) ? [...modifiers(event), key].join(" ") : null;
}

/**
 * All the ways to write what was pressed. Where Shift changes the letter, keyboards differ: ";" may be the key itself or
 * Shift and the comma, and "/" Shift and 7.
 */
export function waysToWrite(event) {
  if (!event.key || isForeign(event)) return []; // a browser that fills in a form says "keydown" without a key
  const shown = event.key.length === 1 ? event.key.toLowerCase() : null;
  const ways = [pressed(event)];
  if (shown) ways.push([...modifiers(event), shown].join(" "));
  if (shown === "/") ways.push([...modifiers(event).filter((key) => key !== "shift"), shown].join(" "));
  return ways;
}

/** Whether it chooses among the characters that an input method offers. Safari has ended the composition by then. */
export function isOfTheInputMethod({ isComposing, keyCode }) {
  return isComposing || keyCode === 229;
}

/** As this system writes them, one by one. */
export function names(keys) {
  return keys.split(" ").filter(Boolean).map(name);
}

function keyOf({ key, code }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  const place = /^(?:Key|Digit)(.)$/.exec(code)?.[1].toLowerCase();
  return place ?? BY_CODE[code] ?? (/^F\d{1,2}$/.test(key) ? key : null);
}

function modifiers({ ctrlKey, metaKey, altKey, shiftKey }) {
  return [(isApple ? metaKey : ctrlKey) && "mod", altKey && "alt", shiftKey && "shift"].filter(Boolean);
}

/** With a key that belongs to the system: Windows' own, Control on a Mac. AltGr writes letters. */
function isForeign(event) {
  return (isApple ? event.ctrlKey : event.metaKey) || event.getModifierState("AltGraph");
}

function name(key) {
  if (key === "mod") return isApple ? "⌘" : gettext("Ctrl");
  if (key === "shift") return isApple ? "⇧" : gettext("Shift");
  if (key === "alt") return isApple ? "⌥" : "Alt";
  return key.length === 1 ? key.toUpperCase() : key;
}
