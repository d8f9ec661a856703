// Served as /sw.js by webapp.installing, which puts VERSION, OFFLINE and SHELL before these lines.
//
// The network always comes first. Kept for when there is none: one page that is the same for everybody who speaks the
// language, and the files it needs. Never kept: a person's pages, and anything that is not asked for with GET.

const CACHE = `cria-${VERSION}`;

self.addEventListener("install", (event) => event.waitUntil(fill().then(() => self.skipWaiting())));

self.addEventListener("activate", (event) => event.waitUntil(forgetOldVersions().then(() => self.clients.claim())));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => kept(OFFLINE)));
  else if (SHELL.includes(new URL(request.url).pathname)) event.respondWith(fetch(request).catch(() => kept(request)));
});

// "Your answer is finished": its tag is the address of the chat.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.tag));
});

async function show(path) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = pages.find((page) => new URL(page.url).pathname === path);
  await (shown ? shown.focus() : self.clients.openWindow(path));
}

async function fill() {
  const cache = await caches.open(CACHE);
  await cache.addAll([OFFLINE, ...SHELL].map((path) => new Request(path, { credentials: path === OFFLINE ? "include" : "omit" })));
}

async function forgetOldVersions() {
  const old = (await caches.keys()).filter((name) => name.startsWith("cria-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function kept(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? Response.error();
}
