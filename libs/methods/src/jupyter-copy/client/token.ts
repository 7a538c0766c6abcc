import { inspect } from 'node:util';

/** A secret that does not print itself, however it gets into a log line, an error or a JSON text. */
export class Token {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value of the `Authorization` header that Jupyter reads. */
  get authorization(): string {
    return `token ${this.#value}`;
  }

  toString(): string {
    return '[token]';
  }

  toJSON(): string {
    return '[token]';
  }

  [inspect.custom](): string {
    return '[token]';
  }
}
