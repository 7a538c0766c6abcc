import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { onCleanup } from './cleanups';

/** Where Debian's package puts it. */
const PROGRAM = '/usr/bin/chromium';
/** It must ask nobody on the network for anything. */
const QUIET = [
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why there can be no browser here, or null. */
export function browserMissing(): string | null {
  return existsSync(PROGRAM) ? null : 'chromium is not installed';
}

/** Starts a real Chromium without a window, with a fresh profile; it ends with this spec file. */
export async function startBrowser(): Promise<Browser> {
  // Its own sandbox cannot be had by root.
  const browser = await chromium.launch({ executablePath: PROGRAM, chromiumSandbox: false, args: QUIET });
  onCleanup(() => browser.close());
  return browser;
}
