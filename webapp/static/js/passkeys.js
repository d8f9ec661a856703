// Says in the page when a passkey could not be used.
//
//   <p class="field-errors" id="passkey-error" role="alert" hidden>That did not work…</p>

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey-error").hidden = false;
});
