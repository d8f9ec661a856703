// Adding files on the page of the library: chosen or dropped, each with its progress; then its line stands in the list.
//
//   <form id="add-files"><input type="file"></form>   <ul id="uploads"></ul>   <ul id="own-list"></ul>

import { announce } from "./announce.js";
import { gettext, interpolate } from "./i18n.js";
import { upload } from "./uploads.js";

const form = document.getElementById("add-files");
const input = form.querySelector("input[type=file]");
const uploads = document.getElementById("uploads");
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

input.multiple = true; // without this script a form sends one
input.addEventListener("change", () => {
  for (const file of input.files) add(file);
  input.value = "";
});
document.addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  form.dataset.over = "";
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) delete form.dataset.over;
});
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  delete form.dataset.over;
  for (const file of event.dataTransfer.files) add(file);
});

async function add(file) {
  const line = lineFor(file.name);
  const progress = line.querySelector("progress");
  try {
    const added = await upload(file, (share) => (progress.value = share)).done;
    line.remove();
    await show(added);
    announce(interpolate(gettext("“%(title)s” was added"), { title: added.title }, true));
  } catch (error) {
    progress.remove();
    line.dataset.state = "failed";
    line.querySelector(".upload-says").textContent = error.message;
  }
}

/** The server draws the line; it then looks after itself. While a search is shown there is no list to put it into. */
async function show(added) {
  document.getElementById("own-search").hidden = false;
  const response = await fetch(`/library/${added.id}/row/`).catch(() => null);
  const list = document.getElementById("own-list");
  if (!list || !response?.ok) return;
  list.insertAdjacentHTML("afterbegin", await response.text()); // rendered by our own server
  globalThis.htmx.process(list);
}

function lineFor(name) {
  const line = document.createElement("li");
  line.className = "upload";
  const about = document.createElement("div");
  about.className = "upload-about";
  const title = document.createElement("span");
  title.className = "upload-title";
  title.dir = "auto";
  title.textContent = name;
  const says = document.createElement("p");
  says.className = "upload-says";
  const progress = document.createElement("progress");
  progress.max = 1;
  progress.setAttribute("aria-label", interpolate(gettext("Sending %(name)s"), { name }, true));
  about.append(title, progress, says);
  line.append(about);
  uploads.prepend(line);
  return line;
}
