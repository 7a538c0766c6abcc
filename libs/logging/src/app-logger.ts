import { type LogFields } from './log-entry';
import { type LogHub } from './log-hub';

/**
 * The log of the service. A call never throws, never waits and writes nothing itself; it takes any value as a field, cuts
 * what is too long (8192 characters a value, 64 KiB a line), and hides what looks like a secret.
 */
export class AppLogger {
  constructor(
    private readonly hub: LogHub,
    private readonly fieldSets: readonly LogFields[] = [],
  ) {}

  /** What helps to find a fault. */
  debug(message: string, fields?: LogFields): void {
    this.hub.write('DEBUG', message, this.with(fields));
  }

  /** What happens in the normal course. */
  info(message: string, fields?: LogFields): void {
    this.hub.write('INFO', message, this.with(fields));
  }

  /** What an operator should look at some time. */
  warning(message: string, fields?: LogFields): void {
    this.hub.write('WARNING', message, this.with(fields));
  }

  /** What failed. */
  error(message: string, fields?: LogFields): void {
    this.hub.write('ERROR', message, this.with(fields));
  }

  /** A logger that adds these fields to each entry; a call's own field of the same name wins. */
  child(fields: LogFields): AppLogger {
    return new AppLogger(this.hub, this.with(fields));
  }

  /**
   * Resolves when everything logged so far is in the file, or after 5 s when that cannot be done. For this logger and all
   * its children; may be called again. What is logged afterwards is still written.
   */
  close(): Promise<void> {
    return this.hub.close();
  }

  private with(fields: LogFields | undefined): readonly LogFields[] {
    return fields === undefined ? this.fieldSets : [...this.fieldSets, fields];
  }
}
