/** Where the server is mounted: `/` or a sub-path such as `/tools/autobot/`. The server writes it into the page. */
export function mountPath(page: Document = document): string {
  const written = page.querySelector('meta[name="autobot-base"]')?.getAttribute("content") ?? "/";
  if (!written.startsWith("/")) return "/";
  return written.endsWith("/") ? written : `${written}/`;
}

/** Joins an address of the API (`/api/v1/…`) to the mount path. */
export function addressOf(path: string, base: string = mountPath()): string {
  return base + path.replace(/^\/+/, "");
}

/** The address of a WebSocket under the mount path, on the page's own host. */
export function socketAddress(path: string, place: { protocol: string; host: string } = location): string {
  return `${place.protocol === "https:" ? "wss:" : "ws:"}//${place.host}${addressOf(path)}`;
}
