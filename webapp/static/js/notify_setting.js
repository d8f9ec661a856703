// The switch for notifications. It is kept in this browser, as the permission is, which is asked for at the switch.
//
//   <label data-notify hidden> <input type="checkbox"></label>   <p id="notify-refused" role="status" hidden>

import { load, remove, save } from "./store.js";

const row = document.querySelector("[data-notify]");
const box = row.querySelector("input");
const refused = document.getElementById("notify-refused");

if (globalThis.Notification) navigator.serviceWorker?.ready.then(() => (row.hidden = false)); // which shows them
box.checked = load("notify") === true && globalThis.Notification?.permission === "granted";

box.addEventListener("change", async () => {
  refused.hidden = true;
  if (!box.checked) {
    remove("notify");
    return;
  }
  box.checked = (await Notification.requestPermission()) === "granted";
  refused.hidden = box.checked;
  if (box.checked) save("notify", true);
});
