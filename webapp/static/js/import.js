// Choosing all or none of the chats to import.
//
//   <input type="checkbox" data-check-all="chat">   checks every enabled [name=chat] of its form

document.addEventListener("change", ({ target }) => {
  const name = target.dataset.checkAll;
  if (!name) return;
  for (const box of target.form.querySelectorAll(`[name="${name}"]:enabled`)) box.checked = target.checked;
});
