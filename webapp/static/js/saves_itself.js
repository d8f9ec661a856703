// A form of one switch is sent when the switch is moved; its button is for browsers without scripts.
//
//   <form data-saves-itself> <input type="checkbox" role="switch"> <button>…</button></form>

for (const form of document.querySelectorAll("[data-saves-itself]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
}
