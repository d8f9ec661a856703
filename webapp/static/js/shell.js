// What every page has: sidebar, theme, shortcuts.

import { startShortcuts } from "./shortcuts.js";
import { startSidebar } from "./sidebar.js";
import { forgetEverythingWritten } from "./store.js";
import { startTheme } from "./theme.js";

startTheme();
startSidebar();
startShortcuts();

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forgets]")) forgetEverythingWritten();
});
