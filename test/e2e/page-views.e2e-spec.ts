import { type Browser } from 'playwright-core';
import { browserMissing, startBrowser } from '../support/browser';
import { describeWhere } from '../support/describe-where';
import { writeFiles } from '../support/files';
import { TestPage } from '../support/page';
import { type RunningService, startService } from '../support/service';

/** Each view as it looks: in both schemes, wide and narrow, without a fault that axe finds or a complaint of the browser. */

const LOOKS = [
  { name: 'light', options: { colorScheme: 'light' } },
  { name: 'dark', options: { colorScheme: 'dark' } },
  { name: 'narrow', options: { colorScheme: 'light', viewport: { width: 360, height: 740 } } },
] as const;

describeWhere(browserMissing(), 'the views', () => {
  let service: RunningService;
  let browser: Browser;
  let failed: string;

  beforeAll(async () => {
    service = await startService({ files: { 'obs/night1/42.fits': 'x'.repeat(5000), 'readme.txt': 'read me' } });
    writeFiles(service.storage, Object.fromEntries(Array.from({ length: 60 }, (_n, at) => [`obs/many/${at}`, ''])));
    await service.stage({ local_path_on_storage: 'obs', relative_path: 'obs', label: 'first light' });
    failed = (await service.stage({ local_path_on_storage: 'missing', relative_path: 'x' })).body
      .operation_id as string;
    const items = ['readme.txt', 'gone'].map((name) => ({
      local_path_on_storage: name,
      relative_path: `in/${name}`,
    }));
    await service.post('/stage_data/batch?method=local_copy&username=ana', { items });
    browser = await startBrowser();
  });

  const VIEWS: Record<string, (one: TestPage) => Promise<void>> = {
    stage: async ({ page }) => {
      await page.goto(service.url);
      await page.getByRole('option', { name: /^readme\.txt/ }).click();
      await page.getByRole('textbox', { name: 'User' }).fill('ana');
      await page.getByText('Copies 7 B in 1 file').waitFor();
    },
    operations: async ({ page }) => {
      await page.goto(`${service.url}/ui/operations`);
      await page.getByRole('table').getByRole('link', { name: 'missing' }).waitFor();
    },
    batches: async ({ page }) => {
      await page.goto(`${service.url}/ui/operations/batches`);
      await page.getByRole('article', { name: 'Batch' }).getByText('1 done').waitFor();
    },
    operation: async ({ page }) => {
      await page.goto(`${service.url}/ui/operations/${failed}`);
      await page.getByRole('dialog').getByText('Source path does not exist: missing').waitFor();
      // The list behind it would be seen through it otherwise.
      await page.getByRole('dialog').getByRole('button', { name: 'Try again' }).waitFor();
    },
    logs: async ({ page }) => {
      await page.goto(`${service.url}/ui/logs`);
      await page.getByRole('status').getByText('Live').waitFor();
      await page.getByRole('log').getByText('INFO').first().waitFor();
    },
    files: async ({ page }) => {
      await page.goto(`${service.url}/ui/files`);
      await page.getByRole('textbox', { name: 'Name' }).fill('notes.txt');
    },
    site: async ({ page }) => {
      await page.goto(`${service.url}/ui/site`);
      await page.getByText('Storage default').waitFor();
    },
    nowhere: async ({ page }) => {
      await page.goto(`${service.url}/ui/no/such/view`);
      await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    },
  };
  const cases = Object.keys(VIEWS).flatMap((view) => LOOKS.map((look) => [view, look] as const));

  it.each(cases)('%s, $name', async (view, look) => {
    // Axe is put into the page, which the content policy forbids to everybody else.
    const one = await TestPage.open(browser, { ...look.options, bypassCSP: true });
    await VIEWS[view]!(one);
    await one.rest();
    await one.picture(`${view}-${look.name}`);
    expect(await one.faults()).toEqual([]);
    expect(await one.overflows()).toBe(false);
    expect(await one.page.title()).toMatch(/ · Quay$/);
    expect(one.complaints).toEqual([]);
    await one.close();
  });
});

describeWhere(browserMissing(), 'the first load', () => {
  it('is small, and breaks no rule of the content policy', async () => {
    const service = await startService({ files: { file: 'x' } });
    const one = await TestPage.open(await startBrowser());
    const sizes: Promise<number>[] = [];
    one.page.on('requestfinished', (request) => {
      if (request.resourceType() === 'script') sizes.push(request.sizes().then(({ responseBodySize: size }) => size));
    });
    await one.page.goto(service.url);
    await one.page.getByRole('option', { name: /^file/ }).waitFor();
    const sent = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(sent).toBeGreaterThan(50_000);
    expect(sent).toBeLessThan(250_000);
    expect(one.complaints).toEqual([]);
    const { headers } = await service.get('/ui/operations');
    expect(headers['content-security-policy']).toMatch(/script-src 'self';/);
    expect(headers['cache-control']).toBe('no-cache');
  });
});
