// Names that nobody else has.

/** A random UUID. `crypto.randomUUID` exists on https only, and people do open Cria by a plain address at home. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40; // version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80; // variant of RFC 9562
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The name of this tab, the same after a reload. Without storage nothing outlives the page, so any name will do. */
export const tab = nameOfThisTab();

function nameOfThisTab() {
  try {
    return (sessionStorage.page ??= newId());
  } catch {
    return newId();
  }
}
