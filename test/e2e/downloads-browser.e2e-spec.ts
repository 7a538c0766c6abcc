import { readFileSync } from 'node:fs';
import { type Browser } from 'playwright-core';
import { browserMissing, startBrowser } from '../support/browser';
import { describeWhere } from '../support/describe-where';
import { type RunningService, startService } from '../support/service';

describeWhere(browserMissing(), 'a download link in a browser', () => {
  let service: RunningService;
  let browser: Browser;

  beforeAll(async () => {
    const files = {
      'Übersicht "1" – Nacht.fits': 'SIMPLE',
      'page.html': '<script>document.title = "ran"</script>',
      'tree/one': '1',
    };
    service = await startService({ files });
    browser = await startBrowser();
  });

  async function linkOf(name: string): Promise<string> {
    const query = { method: 'direct_download' };
    const answer = await service.stage({ local_path_on_storage: name }, query, { Accept: 'application/json' });
    return service.url + answer.body.operation.download_url;
  }

  /** Goes to an address as if it had been pasted; returns what was saved. */
  async function paste(address: string) {
    const page = await browser.newPage();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      // A navigation that becomes a download ends no page load.
      page.goto(address).catch(() => undefined),
    ]);
    const saved = readFileSync(await download.path());
    const title = await page.title();
    await page.close();
    return { name: download.suggestedFilename(), saved, title };
  }

  it('saves the file under its own name', async () => {
    const { name, saved } = await paste(await linkOf('Übersicht "1" – Nacht.fits'));
    // A quote cannot be in a name everywhere; the browser chooses what stands for it.
    expect(name).toMatch(/^Übersicht .1. – Nacht\.fits$/);
    expect(saved.toString()).toBe('SIMPLE');
  });

  it('never shows what could be a page', async () => {
    const { name, saved, title } = await paste(await linkOf('page.html'));
    expect({ name, title }).toEqual({ name: 'page.html', title: '' });
    expect(saved.toString()).toContain('<script>');
  });

  it('saves a directory as an archive of its name', async () => {
    const { name, saved } = await paste(await linkOf('tree'));
    expect(name).toBe('tree.zip');
    expect(saved.subarray(0, 2).toString()).toBe('PK');
  });
});
