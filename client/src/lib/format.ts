const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** The local way to write numbers; one for all, since making one is slow. */
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** A whole number with separators of thousands. */
export function formatCount(count: number): string {
  return whole.format(count);
}

/** An amount of bytes in binary units, with three digits: `1.50 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** A time span in the two largest units that it has: `3 min 20 s`. */
export function formatDuration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded} s`;
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return rest(`${minutes} min`, rounded % 60, 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return rest(`${hours} h`, minutes % 60, 'min');
  return rest(`${Math.floor(hours / 24)} d`, hours % 24, 'h');
}

function rest(main: string, amount: number, unit: string): string {
  return amount === 0 ? main : `${main} ${amount} ${unit}`;
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** A moment in local time; of today the time alone. */
export function formatTime(iso: string, now = new Date()): string {
  const date = new Date(iso);
  return date.toDateString() === now.toDateString() ? timeOfDay.format(date) : dayAndTime.format(date);
}

/** The same moment in UTC, as it is recorded. */
export function formatUtc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

export function percentOf(done: number, total: number): number {
  if (total <= 0) return done > 0 ? 100 : 0;
  return Math.min(100, (100 * done) / total);
}

/** One thing or several: `1 file`, `2,340 files`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
