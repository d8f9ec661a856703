/*
 * A button that copies the text of an answer, and says so.
 *
 *   <button data-copy="text-1" data-copied="Copied">Copy</button>
 *   <textarea id="text-1" hidden readonly>…</textarea>
 */
const COPIED_S = 2;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
  const usual = button.textContent;
  if (usual === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = usual), COPIED_S * 1000);
});
