/**
 * A question to something that may hang, put so that whoever asks has an answer in time. Who asks while an answer is still
 * awaited shares it: what hangs is not asked ever more.
 */
export class TimelyQuestion<T> {
  private asking: Promise<T> | undefined;

  constructor(
    private readonly put: () => Promise<T>,
    private readonly withinMs: number,
  ) {}

  /** The answer, or `late` when there is none in time. Rejects as the question does. */
  async answer<Late>(late: Late): Promise<T | Late> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<Late>((resolve) => (timer = setTimeout(() => resolve(late), this.withinMs)));
    this.asking ??= this.put().finally(() => (this.asking = undefined));
    return Promise.race([this.asking, tooLate]).finally(() => clearTimeout(timer));
  }
}
