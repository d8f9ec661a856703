/** Post to this server with the token of the page; null if it did not get through. `fields` is an object or a form's. */
export function post(url, fields = {}, { headers = {}, ...options } = {}) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  return fetch(url, { method: "POST", headers: { "X-CSRFToken": token, ...headers }, body, ...options }).catch(() => null);
}
