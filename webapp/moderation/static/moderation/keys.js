/*
 * Presses what a key stands for, unless whoever sits here has switched single keys off.
 *
 *   <button data-key="a">, <a data-key="j">     are clicked
 *   <textarea data-key="n">                     gets the focus
 *   <details data-key="s">                      opens or closes, and its first field gets the focus
 *   <span data-card> in a link                  J and K move the focus from card to card
 *   <input type="checkbox" data-keys-switch>    switches them on and off, in this browser
 *
 * Everything works without it, by pointer and Tab.
 */
const FIELDS = "input:not([type=checkbox], [type=hidden]), select, textarea";

const STORED = "cria-staff-keys";
const switches = [...document.querySelectorAll("[data-keys-switch]")];
let areOn = localStorage.getItem(STORED) !== "off";

function show() {
  for (const each of switches) each.checked = areOn;
  document.documentElement.classList.toggle("keys-off", !areOn);
}

function press(target) {
  if (target.matches("textarea")) target.focus();
  else if (target.matches("details")) {
    target.open = !target.open;
    if (target.open) (target.querySelector(FIELDS) ?? target.querySelector("summary")).focus();
  } else target.click();
}

function step(by) {
  const cards = [...document.querySelectorAll("[data-card]")].map((card) => card.closest("a"));
  const now = cards.indexOf(document.activeElement);
  const next = now < 0 ? 0 : Math.min(Math.max(now + by, 0), cards.length - 1);
  cards[next]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest(FIELDS)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (!areOn) return;
  const key = event.key.toLowerCase();
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const isStep = !target && (key === "j" || key === "k");
  if (!target && !isStep) return;
  event.preventDefault();
  if (target) press(target);
  else step(key === "j" ? 1 : -1);
});

for (const each of switches) {
  each.addEventListener("change", () => {
    areOn = each.checked;
    localStorage.setItem(STORED, areOn ? "on" : "off");
    show();
  });
}
show();
