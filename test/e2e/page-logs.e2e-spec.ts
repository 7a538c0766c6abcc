import { writeFileSync } from 'node:fs';
import { type Locator, type Page } from 'playwright-core';
import { browserMissing, startBrowser } from '../support/browser';
import { describeWhere } from '../support/describe-where';
import { LogSocket } from '../support/log-socket';
import { TestPage } from '../support/page';
import { type RunningService, startService } from '../support/service';
import { until } from '../support/until';

/** The log on the page, also when it is as long as the page lets it become. */

const TOTAL = 100_000;
const FULL = '100,000 lines';

/** A line that is in the page. */
interface Row {
  /** Its place among all lines. */
  index: number;
  text: string;
  /** Where it is, from the upper edge of what is seen, in pixels; negative: above it. */
  top: number;
}
interface Box {
  top: number;
}
interface List {
  scrollTop: number;
  scrollHeight: number;
  clientHeight: number;
  getBoundingClientRect: () => Box;
  querySelectorAll: (
    selector: string,
  ) => Iterable<{ dataset: { index: string }; innerText: string; getBoundingClientRect: () => Box }>;
}

const rowsOf = (log: Locator): Promise<Row[]> =>
  log.evaluate((element) => {
    const list = element as unknown as List;
    const edge = list.getBoundingClientRect().top;
    return [...list.querySelectorAll('[data-index]')]
      .map((row) => ({
        index: Number(row.dataset.index),
        text: row.innerText,
        top: row.getBoundingClientRect().top - edge,
      }))
      .sort((one, other) => one.index - other.index);
  });
/** Goes to a part of the whole: 0 is its beginning, 1 its end. */
const scrollTo = (log: Locator, part: number) =>
  log.evaluate((element, part) => {
    const list = element as unknown as List;
    list.scrollTop = part * (list.scrollHeight - list.clientHeight);
  }, part);
/** The number of a line that was there before. */
const numberOf = ({ text }: Row) => Number(/old line (\d+)/.exec(text)?.[1]);
const firstSeen = async (log: Locator) => (await rowsOf(log)).find(({ top }) => top >= 0)!;

describeWhere(browserMissing(), 'a log of 100,000 lines', () => {
  let service: RunningService;
  let one: TestPage;
  let page: Page;
  let log: Locator;

  beforeAll(async () => {
    service = await startService();
    await service.stop();
    const started = Date.parse('2026-01-01T00:00:00Z');
    const lines = Array.from({ length: TOTAL }, (_none, at) => {
      const time = new Date(started + at).toISOString();
      return JSON.stringify({ time, level: 'INFO', message: `old line ${at}` });
    });
    writeFileSync(service.logFile, `${lines.join('\n')}\n`);
    await service.start();
    one = await TestPage.open(await startBrowser());
    page = one.page;
    await page.goto(`${service.url}/ui/logs`);
    await page.getByText('Live').waitFor();
    log = page.getByRole('log');
    // What was before comes a piece each time that somebody is at the beginning.
    await until(
      async () => {
        await scrollTo(log, 0);
        return (await page.getByText(FULL).count()) > 0;
      },
      'what was before does not come',
      60,
    );
  }, 120_000);

  /** Makes a line. */
  const happen = (id: string) => service.get('/operations?limit=1', { 'x-request-id': id });

  it.each([
    ['the beginning', 0],
    ['the middle', 0.5],
    ['near the end', 0.99],
  ])('at %s the right lines are shown, and few are in the page', async (_where, part) => {
    await scrollTo(log, part);
    const place = part * TOTAL;
    const isThere = async () => (await rowsOf(log)).some(({ index, top }) => Math.abs(index - place) < 60 && top >= 0);
    await until(isThere, 'the lines do not come');
    const rows = await rowsOf(log);
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.length).toBeLessThan(200);
    const gone = numberOf(rows[0]!) - rows[0]!.index;
    expect(gone).toBeLessThan(2000);
    expect(rows.map(numberOf)).toEqual(rows.map((_row, at) => rows[0]!.index + gone + at));
  });

  it('who reads somewhere sees the same lines while others happen, and the oldest go', async () => {
    await scrollTo(log, 0.5);
    await until(async () => Math.abs((await firstSeen(log)).index - TOTAL / 2) < 60, 'the lines do not come');
    const before = await firstSeen(log);
    for (let at = 0; at < 100; at += 1) await happen(`elsewhere-${at}`);
    const same = async () => (await rowsOf(log)).find((row) => numberOf(row) === numberOf(before));
    await until(async () => (await same())!.index <= before.index - 100, 'no lines happen');
    expect((await same())!.top).toBeCloseTo(before.top, 0);
    expect(await page.getByText(FULL).count()).toBe(1);
    expect(await page.getByRole('switch', { name: 'Follow' }).isChecked()).toBe(false);
  });

  it('who goes to the beginning stays there when lines of before come in front', async () => {
    const another = await TestPage.open(page.context().browser()!);
    await another.page.goto(`${service.url}/ui/logs`);
    const shorter = another.page.getByRole('log');
    // Nothing more happens there.
    await another.page.getByLabel('Text in the line').fill('old line');
    const last = async () => (await shorter.count()) > 0 && numberOf((await rowsOf(shorter)).at(-1)!) === TOTAL - 1;
    await until(last, 'it is not at the end');
    const { index } = (await rowsOf(shorter)).at(-1)!;
    await scrollTo(shorter, 0);
    await until(async () => (await firstSeen(shorter)).index > 0, 'what was before does not come');
    const seen = await firstSeen(shorter);
    expect(numberOf(seen)).toBe(TOTAL - 1 - index);
    // The list has an edge of a pixel.
    expect(seen.top).toBeLessThan(2);
    await another.close();
  });

  it('at the end it follows what happens, but not while it is paused', async () => {
    await page.getByRole('switch', { name: 'Follow' }).click();
    for (const id of ['followed-1', 'followed-2']) {
      await happen(id);
      await log.getByText(id).waitFor();
      expect((await rowsOf(log)).at(-1)!.index).toBe(TOTAL - 1);
    }
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused').waitFor();
    await happen('held');
    await page.getByRole('button', { name: /^Go on \(\d+ new\)$/ }).waitFor();
    expect(await log.getByText('held').count()).toBe(0);
    await page.getByRole('button', { name: 'Go on' }).click();
    await log.getByText('held').waitFor();
    expect((await rowsOf(log)).length).toBeLessThan(200);
    expect(one.complaints).toEqual([]);
  });
});

describeWhere(browserMissing(), 'a log that is refused for a while', () => {
  it('is told, and comes back by itself, also after the service was away', async () => {
    const service = await startService({ env: { MAX_EVENT_STREAMS_PER_USER: '1' } });
    const other = await LogSocket.connected(service.url);
    const { page } = await TestPage.open(await startBrowser());
    await page.goto(`${service.url}/ui/logs`);
    const told = page.getByRole('alert').filter({ hasText: 'The log is not shown' });
    await told.getByText('1 streams of events are open already').waitFor();
    await told.getByText('It is tried again by itself').waitFor();
    other.socket.close();
    await page.getByText('Live').waitFor();
    expect(await told.count()).toBe(0);
    await service.stop();
    await page.getByText('Connecting').waitFor();
    await service.start();
    await page.getByText('Live').waitFor();
  }, 60_000);
});
