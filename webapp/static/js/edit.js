// Changes a question in its place: the bubble becomes a field, and sending makes another version of the question.
//
//   <template id="blank-edit"><form class="edit"><textarea> <button data-cancel>Cancel</button> <button>Save and send</button>

import { conversation } from "./conversation.js";
import { isOfTheInputMethod } from "./keys.js";
import { load, remove, save } from "./store.js";
import { isTemporary } from "./temporary.js";

const blank = document.getElementById("blank-edit");

/** Open the field at the question of `turn`; `onSave(text)` is called once. Only one is open at a time. */
export function editQuestion(turn, onSave) {
  const kept = `edits.${conversation()}.${turn.dataset.turn}`;
  document.querySelector(".edit [data-cancel]")?.click();
  const bubble = turn.querySelector("[data-part=question]");
  const form = blank.content.firstElementChild.cloneNode(true);
  const field = form.querySelector("textarea");
  const close = () => {
    remove(kept);
    form.remove();
    delete turn.dataset.editing;
    (turn.querySelector(".question [data-do=edit]") ?? bubble).focus();
  };
  field.value = load(kept) ?? bubble.textContent; // a reload in between loses nothing
  field.addEventListener("input", () => {
    grow(field);
    if (!isTemporary()) save(kept, field.value);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !isOfTheInputMethod(event)) form.requestSubmit();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  form.querySelector("[data-cancel]").addEventListener("click", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    close();
    onSave(text);
  });
  turn.dataset.editing = "";
  bubble.before(form);
  grow(field);
  field.focus({ preventScroll: true });
  form.scrollIntoView({ block: "nearest", behavior: "instant" });
  field.setSelectionRange(field.value.length, field.value.length);
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
