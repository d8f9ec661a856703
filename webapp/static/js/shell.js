// What every page has: sidebar, theme, shortcuts.

import { startInstalling } from "./install.js";
import { closeWhatWasLeft } from "./left.js";
import { startNews } from "./news.js";
import { startSearch } from "./search.js";
import { startShortcuts } from "./shortcuts.js";
import { startSidebar } from "./sidebar.js";
import { forgetEverythingWritten } from "./store.js";
import { startTheme } from "./theme.js";

startTheme();
startSidebar();
startSearch();
startShortcuts();
startNews();
startInstalling();
closeWhatWasLeft();

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-forgets]")) forgetEverythingWritten();
});
