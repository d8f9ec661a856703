// Registers the service worker, which brings a calm page where the browser would say that there is no connection.

export function startInstalling() {
  navigator.serviceWorker?.register("/sw.js").catch(() => {}); // switched off here: every page works without it
}
