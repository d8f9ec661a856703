// The palette: search in all chats or in this one, and a way to every page.
//
//   <dialog id="palette"> <input id="palette-input" hx-get=…> <fieldset data-part="scope"> <div id="palette-results"> …
//   <a data-open-search>   opens it
//
// The cursor stays in the field; the arrow keys move the mark in the list, Enter follows it.

import { isOfTheInputMethod } from "./keys.js";

const palette = document.getElementById("palette");
const field = document.getElementById("palette-input");
const results = document.getElementById("palette-results");
const scope = palette?.querySelector("[data-part=scope]");
const similarStatus = palette?.querySelector("[data-part=similar-status]");

export function startSearch() {
  if (!palette) return;
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-open-search]")) return;
    event.preventDefault();
    openSearch();
  });
  field.addEventListener("keydown", steer);
  scope.addEventListener("change", () => {
    look();
    field.focus();
  });
  results.addEventListener("htmx:afterSwap", ({ detail }) => {
    const similar = detail.target === results ? null : results.querySelector("[data-similar]");
    similarStatus.textContent = similar?.dataset.says ?? "";
    if (!similar || !marked()) mark(options()[0]); // what is similar comes last and takes no mark away
  });
  palette.addEventListener("click", (event) => {
    if (event.target === palette) palette.close(); // beside it
  });
}

// What is similar in meaning has a request of its own; without it the words are all there is.
document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  if (!detail.successful && target.matches("[data-similar]")) target.remove();
});

export function openSearch() {
  if (palette.open) return;
  const { conversation } = document.getElementById("chat")?.dataset ?? {};
  scope.hidden = !conversation;
  scope.querySelector("[data-this-chat]").value = conversation ?? "";
  if (!conversation) scope.querySelector("input").checked = true;
  palette.showModal();
  field.focus();
  field.select();
  look();
}

function look() {
  field.dispatchEvent(new CustomEvent("search-now"));
}

function options() {
  return [...results.querySelectorAll("[role=option]")];
}

function marked() {
  return results.querySelector("[aria-selected=true]");
}

function steer(event) {
  const all = options();
  const at = all.indexOf(marked());
  if (event.key === "ArrowDown") mark(all[(at + 1) % all.length]);
  else if (event.key === "ArrowUp") mark(all.at(at <= 0 ? -1 : at - 1));
  else if (event.key === "Enter" && !isOfTheInputMethod(event)) marked()?.click();
  else return;
  event.preventDefault();
}

function mark(option) {
  marked()?.setAttribute("aria-selected", "false");
  for (const [number, each] of options().entries()) each.id = `palette-option-${number}`;
  if (!option) {
    field.removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
}
