// Choosing all or none of the chats to import; and a file that is too large is not sent, for that may take an hour.
//
//   <input id="import-file" type="file" data-max-bytes="…" data-too-large="why not">   <div id="import-preview"></div>
//   <input type="checkbox" data-check-all="chat">   checks every enabled [name=chat] of its form

document.addEventListener("change", ({ target }) => {
  const name = target.dataset.checkAll;
  if (!name) return;
  for (const box of target.form.querySelectorAll(`[name="${name}"]:enabled`)) box.checked = target.checked;
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { id, files, dataset } = event.target;
  if (id !== "import-file" || !(files[0]?.size > Number(dataset.maxBytes))) return;
  event.preventDefault();
  const refusal = document.createElement("p");
  Object.assign(refusal, { className: "field-errors", textContent: dataset.tooLarge });
  document.getElementById("import-preview").replaceChildren(refusal);
});
