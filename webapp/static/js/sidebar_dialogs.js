// The dialog that asks for a folder, tags or a name. What is in it comes from the server.
//
//   <dialog id="organise-dialog"></dialog>   <button data-dialog="/folders/new/">
//
// An answer without content means: done. Then the dialog closes, and the server's hint makes the list come anew.

const dialog = document.getElementById("organise-dialog");
let isAsked = false;

export function startOrganising() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-dialog]");
    if (button) askToOrganise(button.dataset.dialog);
  });
  dialog.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.xhr.status === 204) dialog.close();
  });
  // Not before htmx knows the forms in it: sent sooner, they would go the browser's own way. Whoever has closed it
  // meanwhile is not shown it again.
  dialog.addEventListener("htmx:afterSettle", () => {
    if (isAsked && !dialog.open) dialog.showModal();
    isAsked = false;
    if (!dialog.open) return;
    const first = dialog.querySelector("[autofocus]");
    first?.focus();
    first?.scrollIntoView({ block: "nearest", inline: "nearest" }); // focus alone does not reach into a drawing
  });
}

export function askToOrganise(address) {
  isAsked = true;
  globalThis.htmx.ajax("GET", address, { target: dialog, swap: "innerHTML" });
}
