/**
 * The token of who is signed in, in memory alone: it is gone with the page. Whoever renews it tells here; whoever sends
 * requests asks here, at each of them.
 */
let current: string | null = null;

export function setToken(token: string | null): void {
  current = token;
}

export function getToken(): string | null {
  return current;
}

let onRefused: () => void = () => undefined;

/** Names who is told when the service does not accept the token (any more). */
export function whenTokenRefused(tell: () => void): void {
  onRefused = tell;
}

export function tokenRefused(): void {
  onRefused();
}
