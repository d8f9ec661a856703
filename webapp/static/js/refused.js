// Whether the network lets websockets through, as far as this tab knows.

const KEY = "cria.refused";
const ANSWERS_WITHIN_MS = 4_000;

/** When a websocket was refused last, in milliseconds; 0 if none was since one was let through. */
export function refusedAt() {
  try {
    return Number(sessionStorage.getItem(KEY) ?? 0);
  } catch {
    return 0;
  }
}

export function noteRefusal() {
  try {
    sessionStorage.setItem(KEY, Date.now());
  } catch {
    // The next page finds out for itself.
  }
}

export function forgetRefusal() {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // nothing was kept there
  }
}

/** Whether the server answers what is no websocket: else it is away, or the network is. */
export async function isReachable() {
  const options = { method: "HEAD", cache: "no-store", redirect: "error", signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) };
  const response = await fetch("/healthz", options).catch(() => null);
  return Boolean(response?.ok);
}
