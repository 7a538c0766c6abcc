import { createTestSite, type TestSite } from '@app/files/testing';
import { type StagingContext, type StagingOperation } from '@app/staging';
import { contextOf } from '@app/staging/testing';
import { writeFiles } from '../../../../../test/support/files';
import { JupyterCopyMethod } from '../jupyter-copy.method';
import { type JupyterOptions } from '../jupyter-copy.options';
import { PlayedSite } from './played-site';

const OPTIONS = { startTimeoutMs: 20_000, fileMode: 0o400, dirMode: 0o500, requireReadOnly: false };

/** The method over a real storage, with a hub and a user's server that are played. */
export class PlayedScene {
  private site!: TestSite;
  private played!: PlayedSite;
  private methods: JupyterCopyMethod[] = [];

  /** A new one, with `file` and `tree` on its storage. */
  async open(): Promise<{ site: TestSite; played: PlayedSite; method: JupyterCopyMethod }> {
    const site = (this.site = await createTestSite());
    const played = (this.played = await PlayedSite.open());
    writeFiles(site.storage, { file: 'hello', 'tree/a/one': '1', 'tree/two': '22' });
    return { site, played, method: this.methodWith() };
  }

  /** The method with other options. */
  methodWith(options: Partial<JupyterOptions> = {}): JupyterCopyMethod {
    const site = { hubUrl: this.played.server.url, hubToken: 'site', ...OPTIONS, ...options };
    const method = new JupyterCopyMethod(this.site.reader, site);
    this.methods.push(method);
    return method;
  }

  operation(source: string, destination: string, more: Partial<StagingOperation> = {}): StagingOperation {
    const { operationId: id, ...rest } = this.site.request(source, destination);
    return { id, server: null, ...rest, ...more };
  }

  context(more: Partial<StagingContext> = {}): StagingContext {
    return contextOf(this.site, more);
  }

  async close(): Promise<void> {
    await this.played.server.close();
    for (const method of this.methods.splice(0)) await method.onApplicationShutdown();
    await this.site.close();
  }
}
