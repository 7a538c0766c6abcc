import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import {
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { onCleanup } from './cleanups';
import { freePort } from './free-port';
import { until } from './until';

const PROGRAM = path.join(__dirname, 'openid-provider-process.mjs');

/** What tokens for the service under test say in `aud`. */
export const AUDIENCE = 'https://staging.example.org';

/** People by subject, with the claims that their tokens have beside the usual ones. */
export type People = Record<string, Record<string, unknown>>;

/** Makes a key of a provider. */
export async function newKey(kid: string, alg = 'RS256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' };
}

/** What a provider is like, where that matters. */
export interface ProviderOptions {
  /** How long tokens count. */
  lifetimeSeconds?: number;
}

/** A real OpenID provider on loopback (oidc-provider), which ends with this spec file. */
export class OpenIdProvider {
  private child: ChildProcess | undefined;
  private output = '';
  private keys: JWK[] = [];
  private readonly pages: string[] = [];

  private constructor(
    private readonly port: number,
    private readonly people: People,
    private readonly options: ProviderOptions,
  ) {
    onCleanup(() => this.stop());
  }

  static async start(people: People, options: ProviderOptions = {}): Promise<OpenIdProvider> {
    const provider = new OpenIdProvider(await freePort(), people, options);
    await provider.restart([await newKey('first')]);
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What a service is set to that believes this provider. */
  get settings(): Record<string, string> {
    return { AUTH_MODE: 'oidc', OIDC_ISSUER: this.issuer, OIDC_AUDIENCE: AUDIENCE };
  }

  /** How often a path was asked for since the provider was started last. */
  asked(path: string): number {
    return this.output.split('\n').filter((line) => line === `asked ${path}`).length;
  }

  /** Starts the provider, with other keys if need be; the first one signs. */
  async restart(keys = this.keys): Promise<void> {
    await this.stop();
    this.keys = keys;
    const defaults = { lifetimeSeconds: 600 };
    const configuration = {
      ...defaults,
      port: this.port,
      jwks: { keys },
      people: this.people,
      ...this.options,
      pages: this.pages,
    };
    const env = { PATH: process.env.PATH, PROVIDER: JSON.stringify(configuration) };
    const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.output += String(data)));
    await until(() => {
      if (child.exitCode !== null) throw new Error(`The provider ended:\n${this.output}`);
      return this.output.includes('listening');
    }, 'the provider does not start');
  }

  /** Lets the page of a service sign people in, by the client `page`. */
  async serve(page: string): Promise<void> {
    this.pages.push(page);
    await this.restart();
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** A token that the provider itself gives to one of its people. */
  async token(subject: string, audience = AUDIENCE): Promise<string> {
    const secret = Buffer.from(`${subject}:${encodeURIComponent(`secret of ${subject}`)}`).toString('base64');
    const answer = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${secret}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience, scope: 'stage' }),
    });
    const body = (await answer.json()) as { access_token?: string };
    if (!body.access_token) throw new Error(`The provider gave no token: ${JSON.stringify(body)}`);
    return body.access_token;
  }

  /** The header of a request by one of its people. */
  async bearer(subject: string): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.token(subject)}` };
  }

  /** Claims as a proper token of somebody has them; details may be overridden, `undefined` leaves one out. */
  claims(subject: string, overrides: JWTPayload = {}): JWTPayload {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: this.issuer, aud: AUDIENCE, sub: subject, iat: now, exp: now + 600 };
    return { ...usual, ...this.people[subject], ...overrides };
  }

  /** What the provider would sign, with any claims and head; by its own key unless another one is given. */
  async sign(claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}, key = this.keys[0]!): Promise<string> {
    const head = { alg: key.alg!, kid: key.kid, ...header };
    return new SignJWT(claims).setProtectedHeader(head).sign(await importJWK(key, head.alg));
  }

  /** The key that signs. */
  get key(): JWK {
    return this.keys[0]!;
  }
}
