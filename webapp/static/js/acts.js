// What the buttons inside a turn do: <button data-do="name">. Each module registers its own; chat.js finds them here.
//
//   onAct("copy", (view, button) => copyAnswer(view));
//   onActLater(["thumb"], load);   `load()` brings the module in, which then registers them

import { complain } from "./announce.js";

const acts = new Map();
const later = new Map();

export function onAct(name, act) {
  acts.set(name, act);
}

export function onActLater(names, load) {
  for (const name of names) later.set(name, load);
}

/** Carry out what a click inside a turn asks for, if it asks for something. `viewAround(button)` finds the answer. */
export async function actOn(event, viewAround) {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const name = button.dataset.do;
  if (!acts.has(name) && !(await bringIn(name))) {
    complain();
    return;
  }
  acts.get(name)?.(viewAround(button), button);
}

/** The pointer or the focus comes near a button: its module is there when it is pressed. */
export function prepareFor(event) {
  const name = event.target.closest("[data-do]")?.dataset.do;
  if (name && !acts.has(name)) bringIn(name);
}

/** Whether what is behind this name is here now. */
async function bringIn(name) {
  try {
    await later.get(name)?.();
    return true;
  } catch {
    return false; // no connection; the next press tries again
  }
}
