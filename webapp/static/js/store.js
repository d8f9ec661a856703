// Small things kept in this browser. Where storage is full or switched off they are kept as long as the page is open.

const PREFIX = "cria.";
const KEPT_ON_LOGOUT = ["cria.theme", "cria.sidebar", "cria.wrap"];
const memory = new Map();

export function load(key, fallback = null) {
  try {
    return memory.get(key) ?? JSON.parse(localStorage.getItem(PREFIX + key)) ?? fallback; // what did not fit is newer
  } catch {
    return memory.get(key) ?? fallback;
  }
}

export function save(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    memory.delete(key);
  } catch {
    memory.set(key, value);
  }
}

export function remove(key) {
  memory.delete(key);
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // nothing was kept there
  }
}

/** What is kept under each key that begins like this. */
export function valuesOf(prefix) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX + prefix));
    return keys.map((key) => load(key.slice(PREFIX.length)));
  } catch {
    return [];
  }
}

/** Forget what is kept under each key that begins like this. */
function removeAll(prefix) {
  for (const key of memory.keys()) if (key.startsWith(prefix)) memory.delete(key);
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX + prefix)) localStorage.removeItem(key);
  } catch {
    // nothing was kept there
  }
}

/** Forget what was begun in a conversation that is gone. */
export function forgetConversation(id) {
  for (const kind of ["edits", "drafts"]) removeAll(`${kind}.${id}`);
}

/** Forget what somebody wrote: whoever uses this browser next must not find it. */
export function forgetEverythingWritten() {
  memory.clear();
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && !KEPT_ON_LOGOUT.includes(key));
    for (const key of keys) localStorage.removeItem(key);
  } catch {
    // nothing was kept there
  }
}
