// Choosing several chats on a list page: a button shows the boxes, Shift chooses all between, one bar acts on them.
//
//   <button id="select" aria-pressed>   <div id="bulk" hidden> … <button data-all> <button data-act></div>
//   <ul id="chat-rows"> <li class="chat-row"><label class="chat-tick" hidden><input type="checkbox"></label> …

import { complain } from "./announce.js";
import { interpolate, ngettext } from "./i18n.js";
import { post } from "./post.js";
import { ask } from "./sidebar.js";
import { forgetConversation } from "./store.js";

const form = document.getElementById("chosen-chats");
const bar = document.getElementById("bulk");
const toggle = document.getElementById("select");
const boxes = [...document.querySelectorAll("#chat-rows input[type=checkbox]")];
let last = null; // where a range begins
let isShift = false;

function choosing(isOn) {
  toggle.setAttribute("aria-pressed", isOn);
  bar.hidden = !isOn;
  for (const box of boxes) {
    box.closest(".chat-tick").hidden = !isOn;
    if (!isOn) box.checked = false;
  }
  last = null;
  count();
}

function count() {
  const number = boxes.filter((box) => box.checked).length;
  const text = ngettext("%(count)s chat selected", "%(count)s chats selected", number);
  bar.querySelector(".bulk-count").textContent = interpolate(text, { count: number }, true);
  for (const button of bar.querySelectorAll("[data-act]")) button.disabled = number === 0;
}

function chooseBetween(box) {
  const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
  for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
}

function askToDelete(event) {
  if (event.submitter?.value !== "delete") return;
  event.preventDefault();
  const conversations = boxes.filter((box) => box.checked).map((box) => box.value);
  const text = ngettext("%(count)s chat will be gone for good.", "%(count)s chats will be gone for good.", conversations.length);
  const fields = new FormData(form);
  fields.set("act", "delete");
  ask(interpolate(text, { count: conversations.length }, true), () => deleteChosen(fields, conversations));
}

async function deleteChosen(fields, conversations) {
  // The page that it leads to says how many were deleted, once: it must not be fetched here.
  const response = await post(form.action, fields, { redirect: "manual" });
  if (response?.type !== "opaqueredirect") {
    complain(); // all of them are there as before
    return;
  }
  conversations.forEach(forgetConversation);
  location.assign(fields.get("back"));
}

toggle?.addEventListener("click", () => choosing(toggle.getAttribute("aria-pressed") === "false"));
form.addEventListener("click", (event) => (isShift = event.shiftKey), { capture: true });
form.addEventListener("change", (event) => {
  if (!boxes.includes(event.target)) return;
  if (isShift && last) chooseBetween(event.target);
  last = event.target;
  count();
});
form.addEventListener("keydown", (event) => {
  // Enter in the field for a tag means the tag, and not the first button of the bar.
  if (event.key !== "Enter" || event.target.name !== "tag") return;
  event.preventDefault();
  bar.querySelector("[value=tag]").click();
});
form.addEventListener("submit", askToDelete);
bar.querySelector("[data-all]").addEventListener("click", () => {
  for (const box of boxes) box.checked = true;
  count();
});
