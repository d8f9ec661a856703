// What the buttons inside a turn do: <button data-do="name">. Each module registers its own; chat.js finds them here.
//
//   onAct("copy", (view, button) => copyAnswer(view));

const acts = new Map();

export function onAct(name, act) {
  acts.set(name, act);
}

/** Carry out what a click inside a turn asks for, if it asks for something. `viewAround(button)` finds the answer. */
export function actOn(event, viewAround) {
  const button = event.target.closest("[data-do]");
  if (button) acts.get(button.dataset.do)?.(viewAround(button), button);
}
