// Copies an answer or a piece of code, and says so on the button.
//
//   <button data-do="wrap-code"> <button data-do="copy-code">   are put into the caption of each <figure class="code">

import { announce } from "./announce.js";
import { gettext } from "./i18n.js";
import { post } from "./post.js";
import { showWhetherWrapped } from "./wrap.js";

const SAYS_SO_MS = 1800;
const told = new Set(); // answers of which the server knows that they were copied

/** Give the code blocks under `root` their buttons, and let the keyboard scroll them. */
export function decorateCode(root) {
  const blank = document.getElementById("blank-code-buttons");
  for (const figure of root.querySelectorAll("figure.code")) {
    if (figure.querySelector("[data-do=copy-code]")) continue;
    figure.querySelector("figcaption").append(blank.content.cloneNode(true));
    figure.querySelector("pre").tabIndex = 0;
    showWhetherWrapped(figure);
  }
}

export async function copyCode(figure, view) {
  if (!figure) return;
  await write(figure.querySelector("pre").textContent, figure.querySelector("[data-do=copy-code]"), gettext("Code copied"));
  tell(view);
}

export async function copyAnswer(view) {
  if (!view) return;
  await write(plainText(view.body), view.element.querySelector("[data-do=copy]"), gettext("Answer copied"));
  tell(view);
}

/** That an answer is of use is worth knowing, and not worth waiting for or trying again. */
function tell(view) {
  if (!view?.id || told.has(view.id)) return;
  told.add(view.id);
  post(`/turns/${view.id}/copied/`, {}, { keepalive: true });
}

/** The text of an answer without the buttons and reports in it. */
function plainText(body) {
  const notTheirs = body.querySelectorAll("figure.code figcaption, .code-found:not([hidden]), .cite");
  for (const part of notTheirs) part.hidden = true;
  const formulas = [...body.querySelectorAll("math")].map(asSource);
  const text = body.innerText.trim();
  for (const [formula, source] of formulas) source.replaceWith(formula);
  for (const part of notTheirs) part.hidden = false;
  return text;
}

/** Put what a formula was written as in its place; a copy of its letters would say something else. */
function asSource(formula) {
  const mark = formula.getAttribute("display") === "block" ? "$$" : "$";
  const source = document.createElement("span");
  source.textContent = mark + (formula.querySelector("annotation")?.textContent ?? formula.textContent) + mark;
  formula.replaceWith(source);
  return [formula, source];
}

async function write(text, button, said) {
  await writeToClipboard(text);
  button.dataset.copied = "";
  announce(said);
  setTimeout(() => delete button.dataset.copied, SAYS_SO_MS);
}

async function writeToClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // Only https has the clipboard, and a browser may keep it; then a selection is copied, as pages always could.
  }
  const field = document.createElement("textarea");
  const focused = document.activeElement;
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  focused?.focus();
}
