import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Browser, type BrowserContextOptions, type ConsoleMessage, type Page } from 'playwright-core';
import { until } from './until';

/** Where pictures of the views go, for somebody to look at. */
const PICTURES = path.resolve(__dirname, '../../coverage/screenshots');
const AXE = require.resolve('axe-core/axe.min.js');

/** WCAG 2.2 AA, and what the makers of axe consider good practice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What a browser says of an answer that is an error: the page asks for those, and shows them. */
const ANSWERED = /Failed to load resource|net::ERR_/;

/** A page of a browser of its own, and all that it complained about. */
export class TestPage {
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => this.hear(message));
  }

  static async open(browser: Browser, options: BrowserContextOptions = {}): Promise<TestPage> {
    const context = await browser.newContext({ viewport: { width: 1440, height: 950 }, ...options });
    return new TestPage(await context.newPage());
  }

  private hear(message: ConsoleMessage): void {
    const text = message.text();
    const isOdd = message.type() === 'error' || message.type() === 'warning';
    if (isOdd && !ANSWERED.test(text)) this.complaints.push(text);
  }

  /** What axe finds wrong with the view as it is; each with the elements that it is about. */
  async faults(): Promise<unknown[]> {
    // Through the debugger, which the page's content policy does not bind.
    await this.page.addScriptTag({ path: AXE }).catch(() => undefined);
    return this.page.evaluate(async (values) => {
      const { axe } = globalThis as unknown as {
        axe: { run: (options: object) => Promise<{ violations: Violation[] }> };
      };
      interface Violation {
        id: string;
        help: string;
        nodes: { html: string; failureSummary?: string }[];
      }
      const { violations } = await axe.run({ runOnly: { type: 'tag', values } });
      return violations.map(({ id, help, nodes }) => ({
        id,
        help,
        nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary ?? ''}`),
      }));
    }, RULES);
  }

  /** Keeps a picture of the view as it is. */
  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
  }

  /** Waits until nothing moves any more: what fades in has another contrast meanwhile. */
  async rest(): Promise<void> {
    await until(
      () => this.page.evaluate('document.getAnimations().every((one) => one.playState !== "running")'),
      'moves',
    );
  }

  /** Whether something is wider than the window. */
  overflows(): Promise<boolean> {
    return this.page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
