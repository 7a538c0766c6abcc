import { type AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { loadSettings, type Settings } from '@app/core';
import { FilesModule } from '@app/files';
import { AppLogger, NestLogger } from '@app/logging';
import { AppModule } from './app.module';
import { explorerSignIn } from './auth/explorer-sign-in';
import { configureHttp } from './configure-http';
import { keepHeapSmall } from './heap';
import { ApiHttpAdapter } from './http/api-http-adapter';
import { serveDocument, writeDocument } from './openapi';
import { runProgram } from './run-program';
import { servePage } from './site/page';
import { publicPrefix } from './site/public-prefix';

const OPTIONS = { bodyParser: false, abortOnError: false, logger: false } as const;

/** Starts the service; resolves when it listens. */
async function serve(settings: Settings): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.of(settings), new ApiHttpAdapter(), OPTIONS);
  const logger = app.get(AppLogger);
  configureHttp(app, settings);
  servePage(app, publicPrefix(settings));
  serveDocument(app, publicPrefix(settings), explorerSignIn(settings));
  await app.listen(settings.get('PORT'), settings.get('HOST'));
  // From here on: that each route was mapped, as at every start, is nothing for a log.
  app.useLogger(app.get(NestLogger));
  stopOnSignals(app, logger);
  logger.info(`Listening on ${addressOf(app)}`);
}

function addressOf(app: NestExpressApplication): string {
  const { address, family, port } = app.getHttpServer().address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Ends the process as an operator wishes: what runs may finish within the grace, then the exit status is 0. */
function stopOnSignals(app: NestExpressApplication, logger: AppLogger): void {
  const files = app.get(FilesModule);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.info(`Stopping on ${signal}`);
    await app.close();
    // A thread in a call that never returns would keep an orderly end waiting for ever.
    if (files.hanging) process.kill(process.pid, 'SIGKILL');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal));
}

/** Writes the OpenAPI document to a file: nothing is opened, listened on or read from the environment. */
async function writeOpenApi(file: string): Promise<void> {
  const module = AppModule.of(loadSettings({}));
  const app = await NestFactory.create(module, new ApiHttpAdapter(), { ...OPTIONS, preview: true });
  writeDocument(app, file);
}

keepHeapSmall();
const [option, file] = process.argv.slice(2);
if (option === undefined) void runProgram(serve);
else if (option === '--write-openapi' && file !== undefined) void writeOpenApi(file);
else {
  process.stderr.write('Usage: main.js [--write-openapi <file>]\n');
  process.exitCode = 2;
}
