// What an answer was made with: the tools that were used, and what it knew of the person.
//
//   <div class="steps" data-part="steps"><div class="step" data-state="done" data-tool="calculator">…</div> …</div>
//   <details class="used" data-part="used"><ul>… <li class="used-memory">…</li></ul></details>
//   <template id="blank-step">, <template id="blank-picture">

import { onAct } from "./acts.js";
import { announce, complain } from "./announce.js";
import { gettext } from "./i18n.js";
import { patchChildren } from "./patch.js";
import { post } from "./post.js";

/** Follow what replies inside `turns` are told. */
export function startSteps(turns) {
  turns.addEventListener("reply-changed", ({ target, detail }) => {
    if (detail.type === "snapshot") {
      showSteps(target, detail.steps ?? []);
      showUsed(target, detail.used ?? {});
    } else if (detail.type === "step") putStep(target, detail);
    else if (detail.type === "used") showUsed(target, detail);
    else if (detail.type === "retract") {
      showSteps(target, []);
      showUsed(target, {});
    }
  });
  onAct("forget-memory", (_, button) => forget(button));
}

function showSteps(reply, steps) {
  const list = document.createElement("div");
  list.append(...steps.map(stepItem));
  patchChildren(part(reply, "steps"), list);
}

function putStep(reply, step) {
  if (step.tool === "draw_picture") announce(step.title); // takes long enough to wonder
  const list = part(reply, "steps");
  const shown = list.children[step.index];
  if (!shown) {
    list.append(stepItem(step));
    return;
  }
  const wanted = stepItem(step);
  Object.assign(shown.dataset, wanted.dataset);
  patchChildren(shown, wanted);
}

function stepItem({ tool, title, state, input, output, memory, picture }) {
  const item = document.getElementById("blank-step").content.firstElementChild.cloneNode(true);
  Object.assign(item.dataset, { state, tool });
  part(item, "title").textContent = title;
  part(item, "input").textContent = input;
  part(item, "output").textContent = part(item, "result").textContent = output;
  const undo = item.querySelector("[data-do=forget-memory]");
  undo.hidden = !memory;
  if (memory) undo.dataset.address = undo.dataset.address.replace(/[0-9a-f-]{36}/, memory);
  if (picture) item.append(figureOf(picture, input));
  return item;
}

function figureOf({ id, width, height }, alt) {
  const figure = document.getElementById("blank-picture").content.firstElementChild.cloneNode(true);
  for (const link of figure.querySelectorAll("a")) link.href = link.getAttribute("href").replace(/[0-9a-f-]{36}/, id);
  const image = figure.querySelector("img");
  Object.assign(image, { alt, width, height, src: figure.querySelector("a").getAttribute("href") });
  return figure;
}

function showUsed(reply, { instructions = false, memories = [], left_out: isLeftOut = false, num_unread: numUnread = 0 }) {
  part(reply, "unread").hidden = !numUnread;
  const used = part(reply, "used");
  const list = used.querySelector("ul");
  used.hidden = !instructions && memories.length === 0 && !isLeftOut;
  part(used, "used-instructions").hidden = !instructions;
  for (const old of list.querySelectorAll(".used-memory")) old.remove();
  part(used, "left-out").hidden = !isLeftOut;
  part(used, "left-out").before(...memories.map(memoryItem));
}

function memoryItem({ text }) {
  const item = document.createElement("li");
  item.className = "used-memory";
  item.dir = "auto";
  item.textContent = text;
  return item;
}

async function forget(button) {
  button.disabled = true;
  // A redirect to the settings page says that it is done; nobody needs that page here.
  const response = await post(button.dataset.address, {}, { redirect: "manual" });
  const isDone = response?.type === "opaqueredirect" || response?.ok || response?.status === 404;
  button.disabled = false;
  if (!isDone) {
    complain();
    return;
  }
  const step = button.closest(".step");
  step.dataset.state = "undone";
  part(step, "title").textContent = gettext("Forgotten");
  button.hidden = true;
  step.querySelector("summary").focus(); // the button is gone
  announce(gettext("Forgotten"));
}

function part(element, name) {
  return element.querySelector(`[data-part=${name}]`);
}
